/** Small changes of a machine file from the command line: `--set devices.vfio1.no-snoop=false`. */
import { parse } from 'yaml';
import { FileError } from './file-error.js';

/** A value that a file is given in place of what it says. */
export interface Setting {
  /** As it was written: PATH=VALUE. */
  readonly text: string;
  readonly path: readonly string[];
  /** As YAML has it: `false`, `64M`, `{ vfs: 4 }`. */
  readonly value: unknown;
}

/** Reads PATH=VALUE; keys are separated by dots. @throws FileError */
export function parseSetting(text: string): Setting {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).split('.');
  if (equals < 0 || path.includes(''))
    throw new FileError(`--set ${text}: expected PATH=VALUE, as in devices.vfio1.no-snoop=false`);
  try {
    return { text, path, value: parse(text.slice(equals + 1)) };
  } catch (error) {
    throw new FileError(`--set ${text}: ${(error as Error).message}`);
  }
}

/**
 * What a file says, with the settings in place of what it says about them.
 * @param contents plain values, as they are in JSON; parts that came from one anchor are separate in the result
 * @throws FileError a key on the way does not exist
 */
export function withSettings(contents: unknown, settings: readonly Setting[]): unknown {
  if (settings.length === 0) return contents;
  const result: unknown = JSON.parse(JSON.stringify(contents));
  for (const { text, path, value } of settings) {
    let at = result;
    for (const [i, key] of path.entries()) {
      if (!isObject(at))
        throw new FileError(`--set ${text}: ${path.slice(0, i).join('.')} is a value, it has no '${key}'`);
      if (i === path.length - 1) at[key] = value;
      else if (Object.hasOwn(at, key)) at = at[key];
      else throw new FileError(`--set ${text}: ${missing(at, path.slice(0, i), key)}`);
    }
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function missing(at: object, above: readonly string[], key: string): string {
  const where = above.length > 0 ? above.join('.') : 'the file';
  return `${where} has no '${key}'; there are: ${Object.keys(at).join(', ')}`;
}

/** The setting that a key of the file comes from. */
export function settingAt(settings: readonly Setting[], path: readonly PropertyKey[]): Setting | undefined {
  return settings.find((setting) => setting.path.every((key, i) => String(path[i]) === key));
}
