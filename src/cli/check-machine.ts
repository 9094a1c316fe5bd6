import { readFileSync } from 'node:fs';
import { bootMachine } from '../boot.js';

/** `ioasid machine check FILE`. Returns the exit status. */
export function checkMachineFile(file: string): number {
  try {
    const { hardware } = bootMachine({ machine: readFileSync(file, 'utf8'), machineFile: file });
    process.stdout.write(`${file}: ${hardware.units.size} IOMMUs, ${hardware.groups.size} groups, ${hardware.devices.length} devices\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}
