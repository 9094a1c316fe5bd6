/**
 * How an intercepted call was served: a result ≥ 0 or -errno, left to the host kernel, answered already, or to be answered
 * later.
 */
export type Served = number | 'host' | 'done' | 'later';
