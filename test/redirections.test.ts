/** A shell's redirection to an attribute: each write is the kernel's to judge, and its error is the program's. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { compile, exec } from './run.js';

const BIND = '/sys/bus/pci/drivers/vfio-pci/bind';
const has = (command: string): boolean => spawnSync('which', [command]).status === 0;

const shell = (name: string, script: string) => {
  const { status, stdout, stderr } = exec([name, '-c', script]);
  return { status, stdout, stderr };
};

describe.each(['bash', 'dash'].filter(has))('%s', (name) => {
  test.each([
    ['a builtin', `echo 0000:ff:00.0 > ${BIND}`],
    ['a program', `/bin/echo 0000:ff:00.0 > ${BIND}`],
    ['a subshell', `(echo 0000:ff:00.0) > ${BIND}`],
    ['the end of a pipe', `echo 0000:ff:00.0 | cat > ${BIND}`],
    ['a descriptor that stays open', `exec 3> ${BIND}; echo 0000:ff:00.0 >&3`],
    ['python', `python3 -c "import subprocess as s; exit(s.call(['/bin/echo', 'x'], stdout=open('${BIND}', 'w')))"`],
  ])('learns from %s that a write was refused', (_, script) => {
    const { status, stderr } = shell(name, script);
    expect(stderr).toMatch(/No such device|I\/O error/);
    expect(status).not.toBe(0);
  });

  test('writes what is taken, and reads it back', () => {
    const device = '/sys/bus/pci/devices/0000:01:00.0';
    const script = `printf vfio-pci > ${device}/driver_override && cat ${device}/driver_override`;
    expect(shell(name, script)).toEqual({ status: 0, stdout: 'vfio-pci\n', stderr: '' });
  });

  test('is followed no longer than the redirection lasts', () => {
    const script = `grep TracerPid /proc/$$/status; echo x > ${BIND}; grep TracerPid /proc/$$/status`;
    expect(shell(name, script).stdout).toBe('TracerPid:\t0\nTracerPid:\t0\n');
  });

  test('stops and dies as ever while it is followed', () => {
    const script = `${name} -c 'echo $$; kill -STOP $$; echo went on >&2; kill -9 $$' 3> ${BIND} & child=$!
      while :; do sleep 0.1; kill -CONT $child; done & wait $child; echo $?; kill $!`;
    const { stdout, stderr } = shell(name, script);
    expect(stderr).toContain('went on\n');
    expect(stdout).toMatch(/^\d+\n137\n$/);
  });
});

test('the program itself may be the one that is followed when it ends', () => {
  const { status } = exec(['bash', '-c', `exec 3> ${BIND}; exit 5`]);
  expect(status).toBe(5);
  expect(exec(['bash', '-c', `exec 3> ${BIND}; kill -TERM $$`]).status).toBe(143);
});

test.each([[[]], [['busy']]])('a program that a later thread executes is followed on: %j', (args) => {
  const { status, stdout } = exec([compile('test/programs/exec-from-thread.c'), ...args]);
  expect({ status, stdout }).toEqual({ status: 7, stdout: 'refused\n' });
});

test('a debugger has its threads to itself: the write is done, and its error is in the trace', () => {
  const { stderr } = exec(['strace', '-f', '-o', '/dev/null', 'sh', '-c', `echo x > ${BIND}`], ['--trace', '-']);
  expect(stderr).toMatch(/write.*bind.*ENODEV/);
});

test.skipIf(!has('gdb'))('gdb stops a program, makes calls in it and lets it go on (skipped without gdb)', () => {
  const program = compile('test/programs/driven.c');
  const commands = ['break main', 'run', 'print (int)access("/dev/ioasid", 0)', 'continue'];
  const { stdout } = exec(['gdb', '-batch', '-nx', ...commands.flatMap((command) => ['-ex', command]), program]);
  expect(stdout).toMatch(/Breakpoint 1, .*main/);
  expect(stdout).toMatch(/^\$1 = 0$/m);
  expect(stdout).toMatch(/\(process \d+\) exited/);
});
