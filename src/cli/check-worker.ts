/** A Worker of `ioasid check`: checks the policies that it is given, one after the other. */
import { parentPort } from 'node:worker_threads';
import { type CheckOptions, checkedPolicy, checkPolicy, type PolicyCheck } from '../check/check.js';

export interface CheckRequest {
  readonly policy: string;
  readonly options: CheckOptions;
}
export type CheckMessage =
  | { readonly kind: 'progress'; readonly states: number }
  | { readonly kind: 'done'; readonly check: PolicyCheck }
  | { readonly kind: 'failed'; readonly message: string };

parentPort?.on('message', ({ policy, options }: CheckRequest) => {
  const tell = (message: CheckMessage): void => parentPort?.postMessage(message);
  try {
    const now = (): number => performance.now() / 1000;
    tell({
      kind: 'done',
      check: checkPolicy(checkedPolicy(policy), options, now, (states) => tell({ kind: 'progress', states })),
    });
  } catch (error) {
    tell({ kind: 'failed', message: (error as Error).message });
  }
});
