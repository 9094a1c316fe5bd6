/** How an intercepted call was served: a result ≥ 0 or -errno, left to the host kernel, or answered already. */
export type Served = number | 'host' | 'done';
