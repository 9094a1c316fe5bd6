/**
 * What is left to do of commands that were judged: moves of data, as many together as go in one direction; then what the
 * command does with them; and for some a wait for the medium. Commands complete in the order in which they are done.
 */
import type { Done } from '../../block-store.js';
import { CommandError, STATUS, type Status } from '../status.js';
import type { Move, Transfer } from './transfer.js';

/** Waits for the medium. */
export interface Wait {
  /** What the command completes with if the medium fails. */
  readonly failure: Status;
  begin(done: Done): void;
}

export interface Work {
  /** The command's data. */
  readonly move?: Move;
  /** What is done after the move. @returns what has to be waited for before the command completes. @throws CommandError */
  finish?(): Wait | undefined;
}

/** Told when a command is done. @param error what it is refused with; @param result dword 0 of the completion */
export type Complete = (error: CommandError | undefined, result?: number) => void;

interface Entry {
  readonly work: Work & { readonly move: Move };
  readonly complete: Complete;
}

/** Moves that are done together. */
export class Batch {
  readonly #transfer: Transfer;
  #entries: Entry[] = [];
  #direction = 0;

  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  /**
   * Judges a command and does what it asks for, now or in run().
   * @param direction of its data, as operation codes say it; @param judge throws CommandError
   */
  add(direction: number, judge: () => Work, complete: Complete): void {
    // The order of commands is kept: one that goes another way, or has no data, waits for the data of those before it.
    if (direction !== this.#direction || !this.#transfer.hasRoom) this.run();
    this.#direction = direction;
    let work: Work;
    try {
      work = judge();
    } catch (error) {
      complete(refusal(error));
      return;
    }
    const { move } = work;
    if (move) this.#entries.push({ work: { ...work, move }, complete });
    else conclude(work, complete);
  }

  /** Does what was added. */
  run(): void {
    const entries = this.#entries;
    this.#entries = [];
    const results = this.#transfer.run(entries.map(({ work }) => work.move));
    entries.forEach(({ work, complete }, i) => {
      const error = results[i];
      if (error) complete(error);
      else conclude(work, complete);
    });
    this.#transfer.release();
  }
}

function conclude(work: Work, complete: Complete): void {
  let wait: Wait | undefined;
  try {
    wait = work.finish?.();
  } catch (error) {
    complete(refusal(error));
    return;
  }
  if (!wait) complete(undefined);
  else wait.begin((error) => complete(error && new CommandError(wait.failure, error.message)));
}

/** The refusal that was thrown. @throws anything else */
function refusal(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  throw error;
}

/** Lets the medium do something. @throws CommandError it failed */
export function medium<T>(status: Status, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(status, error instanceof Error ? error.message : String(error));
  }
}

/** Waits until everything written is safe. */
export function settled(begin: (done: Done) => void): Wait {
  return { failure: STATUS.WRITE_FAULT, begin };
}
