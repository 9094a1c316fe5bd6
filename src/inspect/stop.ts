/** Which calls somebody wants to stop at: breakpoints on what a program asks of its devices. */
import type { TraceEvent } from '../trace/json.js';
import type { Stop } from './source.js';

/** Does the stop mean this call? What the stop does not give matches any; `errno` only calls that were refused so. */
export function matches(stop: Stop, event: TraceEvent): boolean {
  if (event.call === 'note') return false;
  const { call, file, errno, offset } = stop;
  if (call !== undefined && call !== event.call && call !== event.ioctl) return false;
  if (file !== undefined && !(event.file ?? '').includes(file)) return false;
  if (errno !== undefined && errno !== event.errno) return false;
  return offset === undefined || (event.call === 'pwrite64' && Number(event.args?.offset) === offset);
}
