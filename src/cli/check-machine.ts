/** Commands on machine files. */
import { readFileSync } from 'node:fs';
import { bootMachine } from '../boot.js';
import { MemoryStore } from '../devices/block-store.js';
import { deviceTable } from '../machine/listing.js';
import { parseMachine } from '../machine/parse.js';

/** Boots a machine file: the file is judged, not the disks that it names. */
function boot(file: string | undefined) {
  return bootMachine({
    ...(file !== undefined && { machine: parseMachine(readFileSync(file, 'utf8'), file) }),
    openStore: (_file, size) => new MemoryStore(size ?? 0),
  });
}

/** `ioasid machine list [FILE]`: how each device is reached. Returns the exit status. */
export function listMachine(file: string | undefined, json: boolean): number {
  try {
    const list = boot(file).list();
    process.stdout.write(json ? `${JSON.stringify(list, null, 2)}\n` : `${deviceTable(list).join('\n')}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

/** `ioasid machine check FILE`. Returns the exit status. */
export function checkMachineFile(file: string): number {
  try {
    const { hardware } = boot(file);
    process.stdout.write(
      `${file}: ${hardware.units.size} IOMMUs, ${hardware.groups.size} groups, ${hardware.devices.length} devices\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}
