/** The Worker that owns the virtual kernel of a run: boots the machine, takes the listener, serves. */
import { readFileSync, writeSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Policy } from '../authority/policy.js';
import { type BootedMachine, bootMachine } from '../boot.js';
import { parseEviction } from '../iommu/cpu-caches.js';
import type { MachineDescription } from '../machine/schema.js';
import { type ControlAnswer, type ControlRequest, control } from './control.js';
import { drainEventfd } from './host/eventfd.js';
import { receiveDescriptor } from './host/fd-passing.js';
import { addressOf, check, libc } from './host/libc.js';
import { SharedMemory } from './host/shared-memory.js';
import { Supervisor } from './serve/supervisor.js';
import { staleReport } from './stale-report.js';
import { openTrace, type TraceFile } from './trace-file.js';

/** What the main thread gives to the Worker. */
export interface WorkerInput {
  /** Our end of the launcher's socket. */
  readonly socket: number;
  /** eventfd of messages from the main thread. */
  readonly wake: number;
  readonly directory: string;
  readonly machine: string | undefined;
  readonly authority: string | undefined;
  /** A file, `-` for stderr, or undefined. */
  readonly trace: string | undefined;
  readonly coherency: 'strict' | undefined;
  /** As --eviction takes it. */
  readonly eviction: string | undefined;
  readonly color: boolean;
}

/** What the main thread asks while the run goes on. */
export interface WorkerRequest {
  readonly number: number;
  readonly request: ControlRequest;
}

/** What the Worker tells the main thread. */
export type WorkerOutput =
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'bug'; readonly message: string }
  /** The answer to the control request with this number. */
  | { readonly kind: 'answer'; readonly number: number; readonly answer: ControlAnswer }
  | { readonly kind: 'done'; readonly served: number; readonly flushes: number; readonly report: string[] };

/** The next request of the main thread, without waiting: the serving loop never goes back to the event loop. */
function requests(): WorkerRequest | undefined {
  return parentPort ? (receiveMessageOnPort(parentPort)?.message as WorkerRequest | undefined) : undefined;
}

/** The YAML parser is loaded only for a machine file: the default machine comes parsed. */
async function readMachine(file: string): Promise<MachineDescription> {
  const { parseMachine } = await import('../machine/parse.js');
  return parseMachine(readFileSync(file, 'utf8'), file);
}

/** What is wrong with an authority policy of the user's own is told at once. */
const complain = (text: string): void => void writeSync(2, `ioasid: ${text}\n`);

async function readPolicy(name: string): Promise<Policy> {
  const { loadPolicy } = await import('./policy-file.js');
  return loadPolicy(name, complain);
}

async function boot(input: WorkerInput): Promise<BootedMachine> {
  return bootMachine({
    ...(input.machine !== undefined && { machine: await readMachine(input.machine) }),
    ...(input.authority !== undefined && { authority: await readPolicy(input.authority) }),
    coherency: input.coherency,
    ...(input.eviction !== undefined && { eviction: parseEviction(input.eviction) }),
    now: () => performance.now(),
    makeMemory: (device, bar, size) => new SharedMemory(`/dev/vfio/devices/${device}`, bar, size),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  });
}

async function main(input: WorkerInput): Promise<void> {
  const tell = (output: WorkerOutput): void => parentPort?.postMessage(output);
  let machine: BootedMachine;
  let trace: TraceFile | undefined;
  try {
    machine = await boot(input);
    trace = input.trace === undefined ? undefined : openTrace(input.trace, machine.kernel, input.color);
  } catch (error) {
    libc.close(input.socket);
    tell({ kind: 'failed', message: (error as Error).message });
    return;
  }
  const listener = receiveDescriptor(input.socket);
  if (listener === undefined) {
    // The launcher has said why on stderr, and ended.
    libc.close(input.socket);
    tell({ kind: 'done', served: 0, flushes: 0, report: [] });
    return;
  }
  const supervisor = new Supervisor(machine, {
    listener,
    wake: input.wake,
    directory: input.directory,
    onWake: () => {
      drainEventfd(input.wake);
      for (let got = requests(); got; got = requests()) {
        const { number, request } = got;
        tell({ kind: 'answer', number, answer: control(machine, request) });
        if (request.command === 'plug' || request.command === 'unplug') supervisor.paths.refresh();
      }
    },
    onIdle: trace && (() => trace.flush()),
    onBug: (error) =>
      tell({ kind: 'bug', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  });
  const go = new Uint8Array(new ArrayBuffer(8));
  check(libc.write(input.socket, addressOf(go), 1), 'write to the launcher');
  libc.close(input.socket);
  supervisor.run();
  trace?.close();
  machine.caches.finish();
  tell({
    kind: 'done',
    served: supervisor.served,
    flushes: machine.caches.flushes,
    report: staleReport(machine.caches),
  });
}

await main(workerData as WorkerInput);
