import { readFileSync } from 'node:fs';
import { bootMachine } from '../boot.js';
import { MemoryStore } from '../devices/block-store.js';
import { parseMachine } from '../machine/parse.js';

/** `ioasid machine check FILE`. Returns the exit status. */
export function checkMachineFile(file: string): number {
  try {
    const { hardware } = bootMachine({
      machine: parseMachine(readFileSync(file, 'utf8'), file),
      // The file is judged, not the disks that it names.
      openStore: (_file, size) => new MemoryStore(size ?? 0),
    });
    process.stdout.write(
      `${file}: ${hardware.units.size} IOMMUs, ${hardware.groups.size} groups, ${hardware.devices.length} devices\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}
