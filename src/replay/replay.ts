/**
 * Replays a recorded run: a fresh machine is handed what the recorded one got to see, step by step, until an answer is
 * another one.
 */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { type BootedMachine, type BootOptions, bootMachine, repeatable } from '../boot.js';
import type { OpenFile } from '../kernel/file/open-file.js';
import { RECORDS } from '../kernel/file/record-stream.js';
import { ATTRIBUTE } from '../kernel/fs/attribute-file.js';
import type { CallRecord } from '../kernel/watchers.js';
import { callEvent } from '../trace/json.js';
import { type Answer, answerOf, differences, type Unlike } from './difference.js';
import { PlayedCaller, PlayedFiles } from './play/played-caller.js';
import { PlayedMemories } from './play/played-memory.js';
import { Stage } from './play/stage.js';
import { BarImage } from './trace/bar-image.js';
import { fromBase64 } from './trace/bytes.js';
import { isCall, type StepEvent, type TraceHeader } from './trace/format.js';
import { type PlacedStep, TraceError } from './trace/parse.js';

/** What the machine is, and how it behaves: as it was recorded, but for what the caller wants otherwise. */
export type PlayedMachine = Pick<
  BootOptions,
  'machine' | 'authority' | 'coherency' | 'eviction' | 'selftest' | 'inject'
>;

/** The first answer that is another one. */
export interface Difference {
  readonly step: number;
  readonly line: number;
  readonly event: StepEvent;
  readonly now: Answer;
  readonly unlike: readonly Unlike[];
  /** What the kernel asked for and the trace does not have: the recorded run did not look there. */
  readonly unknown: readonly string[];
}

export interface Outcome {
  /** Steps that were replayed, and the calls on files among them. */
  readonly steps: number;
  readonly calls: number;
  readonly difference?: Difference;
}

/**
 * Replays until the first difference.
 * @throws TraceError the trace is damaged, or has what cannot be replayed
 */
export function replay(header: TraceHeader, steps: Iterable<PlacedStep>, options: PlayedMachine): Outcome {
  const player = new Player(header, options);
  let [count, calls] = [0, 0];
  try {
    for (const { line, event } of steps) {
      const { now, unknown } = played(player, event, line);
      count++;
      if (isCall(event)) calls++;
      const unlike = differences(answerOf(event), now);
      if (unlike.length > 0)
        return { steps: count, calls, difference: { step: count, line, event, now, unlike, unknown } };
    }
  } catch (error) {
    if (!(error instanceof TraceError) || count === 0) throw error;
    throw new TraceError(`${error.message}; the ${count} steps before it had the same answers`);
  }
  return { steps: count, calls };
}

/** What a step hands in may not fit the machine, if the trace was edited. */
function played(player: Player, event: StepEvent, line: number): ReturnType<Player['play']> {
  try {
    return player.play(event, line);
  } catch (error) {
    if (error instanceof TraceError) throw error;
    throw new TraceError(`line ${line} cannot be replayed: ${(error as Error).message}`);
  }
}

class Player {
  readonly #machine: BootedMachine;
  readonly #stage = new Stage();
  readonly #memories = new PlayedMemories(this.#stage);
  readonly #files = new PlayedFiles(this.#stage);
  readonly #bars = new Map<unknown, BarImage>();
  /** BARs that programs have mapped. */
  readonly #mapped = new Set<BarImage>();
  #now = 0;
  #record: CallRecord | undefined;

  constructor({ seed, cpus, uid, gid }: TraceHeader, options: PlayedMachine) {
    this.#machine = bootMachine({
      ...options,
      now: () => this.#now,
      random: repeatable(seed),
      makeMemory: (device, bar, size) => {
        const image = new BarImage(device, bar, size);
        this.#bars.set(image.key, image);
        return image;
      },
      ...{ cpus, uid, gid },
    });
    this.#machine.kernel.watch({
      called: (record) => {
        this.#record = record;
      },
    });
  }

  /** Carries a step out. */
  play(event: StepEvent, line: number): { readonly now: Answer; readonly unknown: readonly string[] } {
    const stage = this.#stage;
    this.#now = event.time;
    this.#record = undefined;
    stage.begin(event);
    for (const input of event.in ?? [])
      if (input[0] === 'bar') this.#bars.get(input[1])?.put(input[2], fromBase64(input[3]));
    const answer = this.#attempt(() => (isCall(event) ? this.#call(event, line) : this.#side(event, line)));
    this.#memories.end(event.dead ?? []);
    for (const bar of this.#mapped) bar.stored((offset, bytes) => stage.stored(bar.key, offset, bytes));
    const { wrote, signals, unknown } = stage;
    return { now: { ...answer, wrote, signals }, unknown };
  }

  #attempt(act: () => number | undefined): Answer {
    try {
      const result = act();
      const { out } = this.#told();
      return { result, out };
    } catch (error) {
      if (error instanceof TraceError) throw error;
      if (!(error instanceof Errno)) return { result: -1, errno: 'broken', reason: String(error) };
      const { out } = this.#told();
      return { result: -1, errno: error.code, reason: error.message, out };
    }
  }

  /** The last call as a trace has it. */
  #told(): Pick<StepEvent, 'out'> {
    return this.#record ? callEvent(this.#now, this.#record) : {};
  }

  #call(event: StepEvent, line: number): number {
    const { kernel } = this.#machine;
    const file = this.#file(event, line);
    const caller = new PlayedCaller(event, this.#stage, this.#memories, this.#files);
    const [a = 0n, b = 0n, c = 0n, d = 0n] = (event.raw ?? []).map(BigInt);
    const fd = event.fd ?? -1;
    switch (event.call) {
      case 'ioctl':
        return kernel.ioctl(caller, fd, file, Number(a), b);
      case 'pread64':
        return kernel.pread(caller, fd, file, a, b, c);
      case 'pwrite64':
        return kernel.pwrite(caller, fd, file, a, b, c);
      case 'read':
        return kernel.read(caller, fd, file, a, b);
      case 'write':
        return kernel.write(caller, fd, file, a, b);
      default: {
        const { memory } = kernel.mmap(caller, fd, file, { size: a, offset: b, shared: c === 1n, prot: Number(d) });
        if (memory instanceof BarImage) this.#mapped.add(memory);
        return 0;
      }
    }
  }

  /** What moved the machine beside the calls. Returns nothing: only refusals are answers. */
  #side(event: StepEvent, line: number): undefined {
    const machine = this.#machine;
    const { call, name = '', open = -1 } = event;
    switch (call) {
      case 'opened':
        this.#open(event);
        return;
      case 'shared':
        this.#files.get(open)?.get();
        return;
      case 'released':
        this.#files.get(open)?.put();
        return;
      case 'dropped':
        this.#file(event, line).facet(RECORDS)?.drop();
        return;
      case 'stored':
        this.#file(event, line)
          .facet(ATTRIBUTE)
          ?.write(fromBase64(event.bytes ?? ''));
        return;
      case 'gone':
        this.#memories.mm(event.mm ?? '').end();
        return;
      case 'poll':
        machine.poll();
        return;
      case 'tick':
        machine.tick();
        return;
      case 'unplug':
        machine.unplug(name);
        return;
      case 'plug':
        machine.plug(name);
        return;
      default:
        this.#switch(name, line);
    }
  }

  #open({ file = '', flags = 0, who, open }: StepEvent): void {
    const { uid = 0, gids = [], capabilities = hex(0) } = who ?? {};
    const opened = this.#machine.kernel.open(file, flags, { uid, gids, capabilities: BigInt(capabilities) });
    if (open === undefined) opened.put();
    else this.#files.set(open, opened);
  }

  #switch(policy: string, line: number): void {
    try {
      this.#machine.setAuthority(policy);
    } catch (error) {
      throw new TraceError(`line ${line} puts another policy in force: ${(error as Error).message}`);
    }
  }

  #file({ open = -1, file = 'a file' }: StepEvent, line: number): OpenFile {
    const found = this.#files.get(open);
    if (!found)
      throw new TraceError(
        `line ${line} is about ${file}, which was not opened on the virtual machine: what the host's /proc shows of it cannot be replayed`,
      );
    return found;
  }
}
