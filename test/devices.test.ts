/** C programs that drive device models through their mapped registers, without knowing that nobody traps their stores. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MACHINE } from '../src/machine/file/default-machine.js';
import { compile, exec, start, workDirectory } from './run.js';

/** The default machine with another model in the place of vfio2. Returns the file. */
function machineWith(name: string, model: string): string {
  const file = join(workDirectory, `${name}.yaml`);
  writeFileSync(file, DEFAULT_MACHINE.replace('group: 3, model: dma-engine', `group: 3, ${model}`));
  return file;
}

describe('an unmodified C program drives', () => {
  test('IOAT: copies, fills, completions, interrupts, errors and reset', () => {
    const machine = machineWith('ioat', 'model: ioat');
    const { status, stderr } = exec([compile('test/programs/ioat.c')], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test("QEMU's edu: registers, factorial, interrupts by pin and message, DMA", () => {
    const machine = machineWith('edu', 'model: edu');
    const { status, stderr } = exec([compile('test/programs/edu.c')], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('NVMe: life cycle, identify, I/O at depth, interrupts, wrong commands, reset', () => {
    const machine = machineWith('nvme', 'model: nvme');
    const { status, stderr } = exec([compile('test/programs/nvme.c')], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('NVMe over a file: what was completed is there after the program was killed', () => {
    const disk = join(workDirectory, 'disk.img');
    const machine = machineWith('nvme-file', `model: nvme, nvme: { namespaces: [{ file: "${disk}", size: 4M }] }`);
    const program = compile('test/programs/nvme.c');
    expect(exec([program, 'write'], ['--machine', machine]).status).toBe(128 + 9);
    expect(statSync(disk).size).toBe(4 << 20);
    const { status, stderr } = exec([program, 'read'], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('NVMe over a file: what was flushed is there after the machine was killed', async () => {
    const disk = join(workDirectory, 'flushed.img');
    const machine = machineWith('nvme-flushed', `model: nvme, nvme: { namespaces: [{ file: "${disk}", size: 4M }] }`);
    const program = compile('test/programs/nvme.c');
    const { child, state, ended, until } = start(['exec', '--machine', machine, '--', program, 'hold']);
    await until('\n');
    child.kill('SIGKILL');
    process.kill(Number(state.stdout), 'SIGKILL');
    await ended;
    const { status, stderr } = exec([program, 'read'], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
