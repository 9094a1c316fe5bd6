import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, exec, ioasid, root, run, start, workDirectory } from './run.js';

const sh = (script: string, flags: readonly string[] = []) => exec(['sh', '-c', script], flags);

describe('ioasid exec', () => {
  test('ends with the program’s exit status, and shows the files as character devices', () => {
    const { status, stdout, stderr } = sh('ls -l /dev/ioasid; cat /proc/self/status >/dev/null; exit 7');
    expect(status).toBe(7);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^crw-rw---- 1 \S+ +\S+ +10, 60 .* \/dev\/ioasid\n$/);
  });

  test('ends with 128+n after a signal, 127 for no such program, 126 for no program', () => {
    expect(sh('kill -TERM $$').status).toBe(143);
    expect(exec(['/no/such/program'])).toMatchObject({ status: 127, stderr: expect.stringContaining('No such file') });
    expect(exec(['/etc/passwd'])).toMatchObject({ status: 126 });
  });

  test('directories of devices can be listed', () => {
    expect(sh('cd /; echo /dev/vfio/devices/vfio*').stdout).toMatch(/vfio0 .*vfio9\n$/);
    const { stdout } = sh('ls /dev/vfio/devices; ls -l /dev/vfio/devices/by-bdf | grep -c vfio');
    expect(stdout.trim().split('\n').at(-1)).toBe('8');
  });

  test('a descriptor’s link under /proc names the file', () => {
    expect(sh('exec 5<>/dev/ioasid; readlink /proc/self/fd/5; readlink /proc/$$/fd/5').stdout).toBe(
      '/dev/ioasid\n/dev/ioasid\n',
    );
  });

  test('a file that is opened again by its descriptor is released with the last of them, and not before', () => {
    const state = `ioasid() { '${ioasid}' ctl state --run $PPID | grep -c '^context'; }`;
    const script = `${state}; exec 3<>/dev/ioasid 4<>/dev/fd/3; exec 3>&-; ioasid; exec 4>&-; ioasid`;
    expect(exec(['bash', '-c', script]).stdout).toBe('1\n0\n');
    expect(exec([compile('test/programs/opened-again.c')])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('calls on paths are seldom interrupted by handlers without SA_RESTART, while many processes call', () => {
    const { status, stdout } = exec([compile('test/programs/interrupted.c'), '16', '3000']);
    expect(status).toBe(0);
    const [, interrupted = 'NaN', calls = 'NaN'] = /^(\d+) of (\d+)\n$/.exec(stdout) ?? [];
    expect(Number(calls)).toBe(3000);
    // One in two, where calls wait until others were served; where this process may not go first, still a sixth.
    expect(Number(interrupted) / Number(calls)).toBeLessThan(process.getuid?.() === 0 ? 0.2 : 0.6);
  });

  test('stdin, stdout, the environment and the arguments are the program’s own', () => {
    const { stdout } = run(['exec', '--', 'sh', '-c', 'cat; echo "$0 $1 $SEEN"', 'a b', '--trace'], {
      input: 'in\n',
      env: { ...process.env, SEEN: 'yes' },
    });
    expect(stdout).toBe('in\na b --trace yes\n');
  });

  test('the program starts with default signals and without our descriptors', () => {
    const script = 'grep SigIgn /proc/self/status; ls /proc/self/fd';
    expect(sh(script).stdout).toBe(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout);
  });

  test('waits for every process, as strace -f does', () => {
    expect(sh('(sleep 0.3; echo late) & echo early').stdout).toBe('early\nlate\n');
  });

  test('io_uring_setup answers ENOSYS unless it is let through', () => {
    const source = 'test/programs/io-uring.c';
    expect(exec([compile(source)]).stdout).toBe('38\n');
  });

  test('SIGTERM is forwarded', async () => {
    const { child, until, ended } = start([
      'exec',
      '--',
      'sh',
      '-c',
      'trap "echo told; exit 3" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    await until('ready');
    child.kill('SIGTERM');
    await until('told');
    expect(await ended).toBe(3);
  });

  test('a program that is killed ends the run', async () => {
    const { until, ended, state } = start(['exec', '--', compile('test/programs/wait-for-kill.c')]);
    await until('pid');
    process.kill(Number(/pid (\d+)/.exec(state.stdout)?.[1]), 'SIGKILL');
    expect(await ended).toBe(137);
  });

  test('signals that meet the supervisor take no descriptor from a program that opens a file', () => {
    const { status, stdout } = exec([compile('test/programs/open-under-signals.c')]);
    expect([status, stdout]).toEqual([0, '0 of 1000 wrong\n']);
  });

  test('a supervisor that dies leaves ENOSYS behind, and nothing hangs', async () => {
    const { child, until, state } = start(['exec', '--', compile('test/programs/wait-for-kill.c')]);
    await until('pid');
    // bin/ioasid replaces nothing: the child is the supervisor itself.
    child.kill('SIGKILL');
    await until('errno');
    expect(state.stdout).toContain('errno 38');
  });

  test('says what is wrong before it runs anything', () => {
    expect(sh('echo ran', ['--authority', 'nobody'])).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining('there are: exclusive, linux, mediated'),
    });
    expect(sh('echo ran', ['--machine', '/no/file'])).toMatchObject({ status: 125, stdout: '' });
    expect(run(['exec', '--wrong', '--', 'true'])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('--wrong'),
    });
    expect(run(['exec'])).toMatchObject({ status: 125 });
  });

  test('a runtime directory that others can enter is refused, one that is not there is not used', () => {
    const base = mkdtempSync(join(workDirectory, 'runtime-'));
    mkdirSync(join(base, 'ioasid'), { mode: 0o755 });
    const open = run(['exec', '--', 'true'], { env: { ...process.env, XDG_RUNTIME_DIR: base } });
    expect(open).toMatchObject({ status: 125, stderr: expect.stringContaining('must belong to you alone') });
    expect(run(['exec', '--', 'true'], { env: { ...process.env, XDG_RUNTIME_DIR: `${base}/none` } }).status).toBe(0);
  });

  test('leaves no directory of the run behind', () => {
    const { stdout } = run(['exec', '-v', '--', 'true']);
    expect(stdout).toBe('');
    const base = process.env.XDG_RUNTIME_DIR ?? `/tmp/ioasid-${process.getuid?.()}`;
    const left = existsSync(base) ? readdirSync(base).filter((name) => name.startsWith(`${process.pid}-`)) : [];
    expect(left).toEqual([]);
  });
});

describe('machine files', () => {
  test('another machine has other devices', () => {
    const file = join(workDirectory, 'machine.yaml');
    writeFileSync(
      file,
      'iommus:\n  u0: { enforce-snoop: true, address-width: 39, page-sizes: [4K] }\ndevices:\n  vfio9: { function: "0000:09:00.0", iommu: u0, group: 1 }\n',
    );
    expect(sh('echo /dev/vfio/devices/vfio*', ['--machine', file])).toMatchObject({
      status: 0,
      stdout: '/dev/vfio/devices/vfio9\n',
    });
    expect(run(['machine', 'check', file]).stdout).toContain('1 IOMMUs, 1 groups, 1 devices');
  });

  test('a wrong one is told by line and column, and nothing runs', () => {
    const file = join(workDirectory, 'wrong.yaml');
    writeFileSync(file, 'iommus:\n  u0: { enforce-snoop: maybe, address-width: 39, page-sizes: [4K] }\ndevices: {}\n');
    const { status, stdout, stderr } = sh('echo ran', ['--machine', file]);
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toContain(`${file}:2:24: iommus.u0.enforce-snoop: found 'maybe', expected boolean`);
  });

  test('the printed default machine is a machine file, and the schema is the published one', () => {
    const file = join(workDirectory, 'default.yaml');
    writeFileSync(file, run(['machine', 'default']).stdout);
    expect(run(['machine', 'check', file]).status).toBe(0);
    expect(run(['machine', 'schema']).stdout).toBe(readFileSync(join(root, 'schema/machine.schema.json'), 'utf8'));
  });
});

describe('the trace', () => {
  test('one line a call on stderr, with the reason of a refusal', () => {
    const { stderr } = exec([compile('examples/wbinvd.c')], ['--trace', '-']);
    expect(stderr).toMatch(
      /\[\d+\] ioctl\(\d+<\/dev\/ioasid>, IOASID_EXECUTE_WBINVD\) = -1 ENXIO \(policy 'mediated' gives/,
    );
    expect(stderr).toMatch(
      /IOASID_MAP_DMA, \{flags=0x3, ioasid=1, vaddr=0x[0-9a-f]+, iova=0x100000, size=0x2000\}\) = 0/,
    );
    expect(stderr).toContain('--- VM 1: its guest may no longer flush the caches ---');
  });

  test('JSON Lines in a file', () => {
    const file = join(workDirectory, 'trace.json');
    const { status } = exec([compile('examples/wbinvd.c')], ['--trace', file]);
    expect(status).toBe(0);
    const events = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.find((e) => e.ioctl === 'IOASID_MAP_DMA')).toMatchObject({
      call: 'ioctl',
      file: '/dev/ioasid',
      args: { iova: '0x100000', size: '0x2000' },
      result: 0,
    });
    expect(events.filter((e) => e.errno === 'ENXIO').at(-1)).toMatchObject({
      ioctl: 'IOASID_EXECUTE_WBINVD',
      result: -1,
      reason: expect.stringContaining('mediated'),
    });
    expect(events.every((e) => typeof e.time === 'number')).toBe(true);
  });

  test('a call of a thread, on a path or a descriptor, has the numbers of its process and of itself', () => {
    const file = join(workDirectory, 'thread.json');
    expect(exec([compile('test/programs/thread-open.c')], ['--trace', file]).status).toBe(0);
    const events = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const [open, ioctl] = ['openat', 'ioctl'].map((call) => events.find((e) => e.call === call));
    expect(open.pid).not.toBe(open.tid);
    expect([open.pid, open.tid]).toEqual([ioctl.pid, ioctl.tid]);
  });
});

describe('the story', () => {
  test('npm start shows where two policies part', () => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/start.mjs')], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(status).toBe(0);
    const parts = stdout.split('\n').filter((line) => line.includes('<- they part'));
    expect(parts).toHaveLength(1);
    expect(parts[0]).toMatch(/the guest executes WBINVD +no-op +flushed/);
  });

  test('it is the same story without a C compiler', () => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts/start.mjs')], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, PATH: '/nonexistent' },
    });
    expect(status).toBe(0);
    expect(stdout).toContain('there is no gcc');
    expect(stdout.split('\n').filter((line) => line.includes('<- they part'))).toHaveLength(1);
  });

  test('npm start -- PROGRAM runs that program', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, 'scripts/start.mjs'), 'sh', '-c', 'echo /dev/vfio/devices/vfio*; exit 4'],
      { encoding: 'utf8' },
    );
    expect(stdout).toContain('vfio0');
    expect(status).toBe(4);
  });
});

test('ioasid doctor finds this host able', () => {
  const { status, stdout } = run(['doctor', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ good: true });
  expect(status).toBe(0);
});
