/** Proves the table in the page: the checker, on the modules that run in the kernel, in a thread of its own. */
import { checkedPolicy, checkPolicy, DEFAULT_OPTIONS } from '../../../src/check/check.js';
import type { Answer } from './answer.js';

export type ProveMessage =
  | { readonly kind: 'progress'; readonly policy: string; readonly states: number }
  | { readonly kind: 'proved'; readonly answer: Answer; readonly seconds: number };

addEventListener('message', ({ data: policies }: MessageEvent<readonly string[]>) => {
  for (const policy of policies) {
    const tell = (message: ProveMessage): void => postMessage(message);
    const { seconds, ...answer } = checkPolicy(
      checkedPolicy(policy),
      DEFAULT_OPTIONS,
      () => performance.now() / 1000,
      (count) => tell({ kind: 'progress', policy, states: count }),
    );
    tell({ kind: 'proved', answer, seconds });
  }
});
