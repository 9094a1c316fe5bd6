/** A trace for people: one line a call, as strace prints them. */
import type { CallRecord } from '../kernel/watchers.js';

/** Addresses and sizes are hexadecimal; ids and small numbers decimal. */
const HEX = new Set([
  'vaddr',
  'iova',
  'size',
  'addr',
  'offset',
  'start',
  'last',
  'flags',
  'pgsizes',
  'data',
  'page_size',
  'ranges',
  'pgtable_formats',
  'arg0',
  'arg1',
  'cookie',
]);
/** Said by the call itself, or without meaning. */
const OMIT = new Set(['argsz', 'resv', 'pad']);

/** Control sequences of a terminal, or nothing. */
export interface Palette {
  readonly error: string;
  readonly dim: string;
  readonly end: string;
}
export const PLAIN: Palette = { error: '', dim: '', end: '' };
export const COLORS: Palette = { error: '\u001b[31m', dim: '\u001b[2m', end: '\u001b[0m' };

/** One field as `name=value`; zero fields are left out by the caller. */
function field(name: string, value: number | bigint): string {
  return `${name}=${HEX.has(name) ? `0x${value.toString(16)}` : value}`;
}

function fields(values: Record<string, number | bigint>, before?: Record<string, number | bigint>): string[] {
  return Object.entries(values)
    .filter(([name, value]) => !OMIT.has(name) && (before ? before[name] !== value : BigInt(value) !== 0n))
    .map(([name, value]) => field(name, value));
}

function args(record: CallRecord): string {
  const { input, output } = record;
  if (!input) return '';
  if ('value' in input) return `, ${input.value}`;
  const parts = fields(input);
  const changed = output ? fields(output, input) : [];
  const out = changed.length > 0 ? ` => {${changed.join(', ')}}` : '';
  return `, {${parts.join(', ')}}${out}`;
}

/** `[pid] ioctl(5</dev/ioasid>, IOASID_MAP_DMA, {…}) = -1 EINVAL (why)` */
export function formatCall(record: CallRecord, palette: Palette = PLAIN): string {
  const { call, fd, file, name, request, result, error } = record;
  const target = fd === undefined ? `"${file}"` : `${fd}<${file}>`;
  const what = call === 'ioctl' ? `, ${name ?? `0x${(request ?? 0).toString(16)}`}` : '';
  const outcome = error ? `${palette.error}-1 ${error.code}${palette.end} (${error.message})` : String(result);
  return `${palette.dim}[${record.tid}]${palette.end} ${call}(${target}${what}${args(record)}) = ${outcome}`;
}

/** Something that is no call: a right that ended, a device that was unplugged. */
export function formatNote(subject: string, text: string, palette: Palette = PLAIN): string {
  return `${palette.dim}--- ${subject}: ${text} ---${palette.end}`;
}
