/** What a file keeps alive while it is open: the context that it belongs to. */
export interface Keeper {
  put(): void;
}
