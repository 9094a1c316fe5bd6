/** `--authority FILE`: a policy from a module of the user's own. */
import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { policyOfModule, watched } from '../authority/own-policy.js';
import { policyByName } from '../authority/policies.js';
import type { Policy } from '../authority/policy.js';

/** @param url of a module; @returns its exports */
const importModule: (url: string) => Promise<unknown> = createRequire(import.meta.url)('../../bin/import.cjs');

/** Whether a policy is given as a file: a path, or a name that ends as a module's. */
export const isPolicyFile = (name: string): boolean => name.includes('/') || /\.[cm]?[jt]s$/.test(name);

/**
 * The policy of a name or a file.
 * @param told what is wrong with a policy of the user's own; each thing once
 * @param directory what a relative path starts from; the current directory when not given
 * @throws RangeError no such policy, or the module is none
 */
export async function loadPolicy(name: string, told: (text: string) => void, directory = '.'): Promise<Policy> {
  if (!isPolicyFile(name)) return policyByName(name);
  const file = isAbsolute(name) ? name : resolve(directory, name);
  let exports: unknown;
  try {
    exports = await importModule(pathToFileURL(file).href);
  } catch (error) {
    const typescript = /\.[cm]?ts$/.test(name) ? ' (this Node may need it compiled to JavaScript first)' : '';
    throw new RangeError(`authority policy ${name} cannot be loaded: ${(error as Error).message}${typescript}`);
  }
  return watched(policyOfModule(exports, name), told);
}
