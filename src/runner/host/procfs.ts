/** What the runner reads of other processes under /proc (proc(5)). */
import { openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Credentials } from '../../kernel/fs/permission.js';
import { addressOf, libc } from './libc.js';
import { procField, procText } from './proc-text.js';

const status = (pid: number): string => procText(`/proc/${pid}/status`);

/** A set of capabilities or signals, one bit each. */
const bits = (text: string, set: string): bigint => BigInt(`0x${procField(text, set) ?? '0'}`);

/** The real or effective id of a user or group; NaN if it is not told. */
const id = (text: string, name: 'Uid' | 'Gid', column: number): number =>
  Number(procField(text, name)?.split('\t')[column]);

/** The process that a thread belongs to. */
export function threadGroup(tid: number): number {
  return Number(procField(status(tid), 'Tgid'));
}

/**
 * Who a thread is when it uses a path.
 * @param real by its real ids, as access(2) asks: who is not really root has no capabilities then
 */
export function credentials(tid: number, real = false): Credentials {
  const text = status(tid);
  const column = real ? 0 : 3;
  const groups = (procField(text, 'Groups') ?? '').split(' ').filter(Boolean).map(Number);
  const uid = id(text, 'Uid', column);
  const set = real ? (uid === 0 ? bits(text, 'CapPrm') : 0n) : bits(text, 'CapEff');
  return { uid, gids: [id(text, 'Gid', column), ...groups], capabilities: set };
}

const CAPABILITY_VERSION_3 = 0x20080522;
const capabilityHeader = new DataView(new ArrayBuffer(8));
const capabilityData = new DataView(new ArrayBuffer(24));

/**
 * Does a thread hold a capability? What the host's root lacks, because a container took it away, root holds here: the
 * virtual machine is not that container. What it holds in a user namespace of its own does not count. False if the thread
 * is gone.
 */
export function hasCapability(tid: number, number: number): boolean {
  if (inEffect(tid, number)) return link(`/proc/${tid}/ns/user`) === ownNamespace();
  return !inEffect(process.pid, number) && id(status(tid), 'Uid', 1) === 0;
}

let namespace: string | undefined;
/** Our user namespace: it stays the same. */
function ownNamespace(): string | undefined {
  namespace ??= link('/proc/self/ns/user');
  return namespace;
}

/** The effective set says so (capget(2)). */
function inEffect(tid: number, number: number): boolean {
  capabilityHeader.setUint32(0, CAPABILITY_VERSION_3, true);
  capabilityHeader.setInt32(4, tid, true);
  if (libc.capget(addressOf(capabilityHeader), addressOf(capabilityData)) !== 0) return false;
  return ((capabilityData.getUint32((number >>> 5) * 12, true) >>> (number & 31)) & 1) === 1;
}

/**
 * What tells one program image of a process from the next: where its code and stack start (fields 26 to 28 of stat).
 * Address-space randomisation makes two images differ.
 */
export function imageOf(pid: number): string {
  const text = procText(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(23, 26).join(' ');
}

/**
 * A limit of a process, as /proc/PID/limits says it: what is in force, and how far it may be raised.
 * @param name as it stands there
 * @returns undefined: unlimited
 */
export function limitsOf(pid: number, name: string): { soft: bigint | undefined; hard: bigint | undefined } {
  const line = readFileSync(`/proc/${pid}/limits`, 'latin1')
    .split('\n')
    .find((each) => each.startsWith(name));
  const [soft, hard] = (line?.slice(name.length).trim().split(/\s+/) ?? []).map((text) =>
    text === 'unlimited' || !/^\d+$/.test(text) ? undefined : BigInt(text),
  );
  return { soft, hard };
}

/** A process and those that it started, and those that they did. One whose parent has ended is not among them. */
export function withDescendants(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    try {
      for (const tid of readdirSync(`/proc/${parent}/task`)) {
        const children = readFileSync(`/proc/${parent}/task/${tid}/children`, 'latin1');
        found.push(...children.split(' ').filter(Boolean).map(Number));
      }
    } catch {
      // It has ended; or the host tells nobody's children (CONFIG_PROC_CHILDREN).
    }
  }
  return found;
}

/** Target of a magic link, or undefined if there is none (any more). */
export function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Opens a file of another process; undefined if it may not be, or the process is gone. */
export function tryOpen(path: string, flags: string | number): number | undefined {
  try {
    return openSync(path, flags);
  } catch {
    return undefined;
  }
}

/** The flags of an open file description, as F_GETFL has them; 0 if it is gone. */
export function descriptorFlags(tid: number, fd: number): number {
  try {
    const text = procText(`/proc/${tid}/fdinfo/${fd}`);
    return Number.parseInt(/^flags:\s*(\d+)/m.exec(text)?.[1] ?? '0', 8);
  } catch {
    return 0;
  }
}

/** The process that a thread's pidfd means; undefined if it is no pidfd, or the process has ended. */
export function pidOfPidfd(tid: number, fd: number): number | undefined {
  try {
    const pid = Number(procField(procText(`/proc/${tid}/fdinfo/${fd}`), 'Pid'));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Field of /proc/PID/stat behind the name: flags of the kernel, and its threads. */
const [FLAGS, THREADS] = [6, 17];
const PF_EXITING = 4;

/**
 * What becomes of a signal that a process is sent now: 'ends' it (by default), is its own to take (a handler), or is 'lost'
 * because it is on its way out.
 */
export function fateOf(pid: number, signal: number): 'ends' | 'taken' | 'lost' {
  try {
    const stat = procText(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A first thread may end long before the others.
    if ((Number(fields[FLAGS]) & PF_EXITING) !== 0 && Number(fields[THREADS]) <= 1) return 'lost';
    const text = status(pid);
    const taken = ['SigCgt', 'SigIgn', 'SigBlk'].reduce((all, set) => all | bits(text, set), 0n);
    return ((taken >> BigInt(signal - 1)) & 1n) === 1n ? 'taken' : 'ends';
  } catch {
    return 'lost';
  }
}

/** Does a signal wait that the thread neither blocks nor ignores? */
export function interrupted(tid: number): boolean {
  try {
    const text = status(tid);
    return ((bits(text, 'SigPnd') | bits(text, 'ShdPnd')) & ~bits(text, 'SigBlk') & ~bits(text, 'SigIgn')) !== 0n;
  } catch {
    return true;
  }
}
