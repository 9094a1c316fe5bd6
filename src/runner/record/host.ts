/** What a recorder reads of a host: files below /sys. What is not there, or may not be read, is undefined or empty. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

export class Host {
  readonly #root: string;

  /** @param root where /sys is */
  constructor(root = '/sys') {
    this.#root = root;
  }

  bytes(path: string): Uint8Array | undefined {
    try {
      return readFileSync(join(this.#root, path));
    } catch {
      return undefined;
    }
  }

  text(path: string): string | undefined {
    const bytes = this.bytes(path);
    return bytes && Buffer.from(bytes).toString('latin1').trim();
  }

  /** A number as an attribute has it, decimal or with 0x. */
  number(path: string): number | undefined {
    const text = this.text(path);
    const value = text === undefined || text === '' ? Number.NaN : Number(text);
    return Number.isNaN(value) ? undefined : value;
  }

  list(path: string): string[] {
    try {
      return readdirSync(join(this.#root, path)).sort();
    } catch {
      return [];
    }
  }

  /** The last name of a link's target. */
  link(path: string): string | undefined {
    try {
      return basename(readlinkSync(join(this.#root, path)));
    } catch {
      return undefined;
    }
  }
}
