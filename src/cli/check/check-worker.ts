/** A Worker of `ioasid check`: checks the policies that it is given, one after the other. */
import { parentPort } from 'node:worker_threads';
import type { Policy } from '../../authority/policy.js';
import { type CheckOptions, checkedPolicy, checkPolicy, type Means, type PolicyCheck } from '../../check/check.js';
import { isPolicyFile, loadPolicy } from '../../runner/policy-file.js';

export interface CheckRequest {
  readonly policy: string;
  readonly options: CheckOptions;
  readonly means: Means;
}
export type CheckMessage =
  | { readonly kind: 'progress'; readonly states: number }
  | { readonly kind: 'done'; readonly check: PolicyCheck }
  | { readonly kind: 'failed'; readonly message: string };

/** A policy of a user's own that is no policy ends the check. */
const refuse = (text: string): never => {
  throw new RangeError(text);
};

/** The policy of a name, or of a file. @throws RangeError there is none */
export async function policyToCheck(name: string): Promise<Policy> {
  return isPolicyFile(name) ? loadPolicy(name, refuse) : checkedPolicy(name);
}

parentPort?.on('message', async ({ policy, options, means }: CheckRequest) => {
  const tell = (message: CheckMessage): void => parentPort?.postMessage(message);
  try {
    const now = (): number => performance.now() / 1000;
    const progress = (states: number): void => tell({ kind: 'progress', states });
    tell({ kind: 'done', check: checkPolicy(await policyToCheck(policy), options, now, progress, means) });
  } catch (error) {
    tell({ kind: 'failed', message: (error as Error).message });
  }
});
