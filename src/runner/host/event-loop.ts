/**
 * Node's event loop beside a loop of our own: the one that serves polls the descriptor of libuv's own poll set, which is
 * readable when a signal, a connection or a finished call waits, and then lets the event loop turn (uv_backend_fd).
 */
import { uvBackend } from './libc.js';

/** Readable when the event loop has something to do. */
export const eventLoop: number = uvBackend();

/** New watchers reach the poll set when it is next polled: the first turn makes them, the next ones register them. */
const TURNS = 3;

/** Lets the event loop do what waits. */
export async function turn(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
