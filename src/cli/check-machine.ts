/** Commands on machine files. */
import { bootMachine } from '../boot.js';
import { MemoryStore } from '../devices/block-store.js';
import { deviceTable } from '../machine/listing.js';
import { machineNames, machineText, readMachine } from '../runner/machine-file.js';

/** Boots a machine: the file is judged, not the disks that it names. */
function boot(file: string | undefined, settings: readonly string[] = []) {
  return bootMachine({
    machine: readMachine(file, settings),
    openStore: (_file, size) => new MemoryStore(size ?? 0),
  });
}

/** `ioasid machine list [MACHINE]`: how each device is reached. Returns the exit status. */
export function listMachine(file: string | undefined, settings: readonly string[], json: boolean): number {
  try {
    const list = boot(file, settings).list();
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

/** The first sentence of the comment that a machine file begins with. */
function summary(text: string): string {
  const comment =
    /^(?:#.*\n)+/
      .exec(text)?.[0]
      .replaceAll(/\n?# ?/g, ' ')
      .trim() ?? '';
  return comment.split(/[.:]\s/, 1)[0]?.replace(/\.$/, '') ?? '';
}

/** `ioasid machine names`: what --machine knows by name. */
export function tellMachines(): void {
  const names = machineNames();
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) process.stdout.write(`${name.padEnd(width)}  ${summary(machineText(name))}\n`);
}

/** `ioasid machine show MACHINE`: its text, as a start for one's own. Returns the exit status. */
export function showMachine(name: string): number {
  try {
    process.stdout.write(machineText(name));
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}
