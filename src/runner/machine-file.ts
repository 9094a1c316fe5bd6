/** The machine that --machine and --set ask for: a file, or one of the machines that come with this package. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FileError } from '../machine/file/file-error.js';
import { parseMachine } from '../machine/file/parse.js';
import type { MachineDescription } from '../machine/file/schema.js';
import { parseSetting } from '../machine/file/settings.js';

const DEFAULT = 'default';
const SUFFIX = '.yaml';

/** From the file that runs: a module of dist/runner/, or the bundle in dist/bundle/. */
const directory = fileURLToPath(new URL('../../machines/', import.meta.url));

/** The names of the machines that come with this package. */
export function machineNames(): string[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(SUFFIX));
  return files.map((file) => file.slice(0, -SUFFIX.length)).sort();
}

/** The text of a machine of a name, or of a file. @throws FileError there is none */
export function machineText(nameOrFile: string): string {
  if (!nameOrFile.includes('/') && machineNames().includes(nameOrFile))
    return readFileSync(`${directory}${nameOrFile}${SUFFIX}`, 'utf8');
  if (!existsSync(nameOrFile))
    throw new FileError(
      `no machine file '${nameOrFile}', and no machine of that name; there are: ${machineNames().join(', ')}`,
    );
  return readFileSync(nameOrFile, 'utf8');
}

/**
 * Reads a machine.
 * @param settings as --set has them: PATH=VALUE
 * @throws FileError, or the system's error
 */
export function readMachine(nameOrFile: string = DEFAULT, settings: readonly string[] = []): MachineDescription {
  return parseMachine(machineText(nameOrFile), nameOrFile, settings.map(parseSetting));
}
