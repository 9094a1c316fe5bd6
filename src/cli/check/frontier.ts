/** `ioasid check --synthesize` and `--frontier`: the search for policies, its progress, its answers. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Policy } from '../../authority/policy.js';
import { CHECKED_POLICIES, type CheckOptions, checkedPolicy } from '../../check/check.js';
import { table } from '../../check/table.js';
import { type Answer, groundOf, searchBounds, synthesize } from '../../frontier/answer.js';
import type { Argument } from '../../frontier/argument.js';
import { frontier, frontierText } from '../../frontier/frontier.js';
import { scenarioOfLeaf } from '../../frontier/leaf.js';
import { DECIDED, type Exclusion, propertyOf, Search } from '../../frontier/search.js';
import { argumentLines, leavesOf } from '../../frontier/text.js';
import { checkAll } from './check.js';
import { type CheckCommand, meansOf, optionsOf } from './check-options.js';

export interface SearchCommand extends CheckCommand {
  readonly synthesize?: string;
  readonly frontier?: boolean;
  readonly memories?: string;
  readonly clock?: boolean;
  readonly resume?: string;
  readonly out?: string;
}

const MOST_MEMORIES = 3;
/** How often what is known is kept, milliseconds. */
const KEEP_EVERY = 5000;

/** @throws RangeError a property that there is not, or that a policy does not decide */
function propertiesOf(text: string): string[] {
  const ids = text.split(',').map((id) => id.trim().toUpperCase());
  for (const id of ids) propertyOf(id);
  return [...new Set(ids)].filter((id) => id !== 'P0');
}

/** What is known of a search, in a file. */
class Kept {
  readonly #file: string | undefined;
  #last = Date.now();

  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Takes up what is there. @throws RangeError it belongs to another search, or is not true */
  read(search: Search): void {
    if (!this.#file || !existsSync(this.#file)) return;
    const { bounds, exclusions } = JSON.parse(readFileSync(this.#file, 'utf8')) as {
      bounds: unknown;
      exclusions: Exclusion[];
    };
    if (JSON.stringify(bounds) !== JSON.stringify(this.#bounds(search)))
      throw new RangeError(`${this.#file} is of a search in other bounds`);
    for (const exclusion of exclusions) {
      // A story that does not violate its property throws.
      groundOf(search, exclusion);
      search.exclude(exclusion);
    }
  }

  write(search: Search, now = Date.now()): void {
    if (!this.#file) return;
    this.#last = now;
    writeFileSync(`${this.#file}.new`, JSON.stringify({ bounds: this.#bounds(search), exclusions: search.exclusions }));
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Writes if it is time. */
  tick(search: Search): void {
    if (Date.now() - this.#last > KEEP_EVERY) this.write(search);
  }

  #bounds({ family, options }: Search): object {
    return { size: family.size, options };
  }
}

/** Writes the leaves of an argument as scenarios. Returns how many. */
function emit(directory: string, search: Search, argument: Argument, prefix: string): number {
  mkdirSync(directory, { recursive: true });
  const leaves = leavesOf(argument);
  leaves.forEach((leaf, i) => {
    const name = `${prefix}leaf-${i + 1}-${leaf.property}`;
    const { scenario, module } = scenarioOfLeaf(search, leaf, name);
    if (module) writeFileSync(join(directory, `${name}.mjs`), module);
    writeFileSync(join(directory, `${name}.yaml`), scenario);
  });
  return leaves.length;
}

/** An answer in words. */
function told(answer: Answer, size: Search['family']['size']): string {
  const ids = answer.properties.join(', ');
  const searched = `${answer.candidates} candidates, ${answer.exclusions} exclusions`;
  if (answer.possible) {
    const rules = answer.words.map((line) => `  ${line}`).join('\n');
    const { file, proof, vm } = answer.size;
    const memory = [file, proof, vm].every((values) => values === 1)
      ? 'no memory'
      : `memories of ${file} values a file, ${proof} a proof, ${vm} a VM`;
    return `possible: ${ids} (${searched})\n\n${rules}\n  everything else: as if nothing happened; ${memory}; ${answer.met} entries met, ${answer.mattering} that matter\n\n${table([answer.check])}`;
  }
  const { argument } = answer;
  const bounds = `memories below ${Math.max(size.file, size.proof, size.vm)}`;
  if (!argument)
    return `impossible with ${bounds}, within the bounds: ${ids} (${searched})\nthe stories leave open a policy that remembers more: try --memories ${MOST_MEMORIES}`;
  return `impossible, whatever a policy remembers: ${ids} (${searched})\nevery policy of which a proof works (P0) answers each of these:\n\n${argumentLines(argument).join('\n')}`;
}

/** What a search needs of the command. @throws RangeError a wrong option */
function searchOf(command: SearchCommand, options: CheckOptions, progress: (text: string) => void): [Search, Kept] {
  const values = Number(command.memories ?? 2);
  if (!Number.isInteger(values) || values < 1 || values > MOST_MEMORIES)
    throw new RangeError(`--memories ${command.memories}: a number from 1 to ${MOST_MEMORIES}`);
  const clock = command.clock ? options.ticks + 1 : 1;
  const size = { file: values, proof: values, vm: Math.max(values, command.clock ? options.ticks + 2 : 1), clock };
  const kept = new Kept(command.resume);
  const search: Search = new Search(size, searchBounds(options), ({ candidates, exclusions }) => {
    progress(`${candidates} candidates, ${exclusions} exclusions`);
    kept.tick(search);
  });
  kept.read(search);
  return [search, kept];
}

/** Returns the exit status: 0 if there is an answer, whatever it is; 2 for wrong options. */
export async function answer(command: SearchCommand): Promise<number> {
  const terminal = process.stderr.isTTY === true;
  const progress = (text: string): void => {
    if (terminal) process.stderr.write(`\r${text}\u001b[K`);
  };
  const now = (): number => performance.now() / 1000;
  try {
    const options = optionsOf(command);
    const [search, kept] = searchOf(command, options, progress);
    if (command.frontier) {
      const built: readonly Policy[] = CHECKED_POLICIES.map((name) => checkedPolicy(name));
      const checks = await checkAll(
        CHECKED_POLICIES,
        searchBounds(options),
        meansOf(command, CHECKED_POLICIES.length),
        () => {},
      );
      const start = now();
      const result = frontier(search, { built, checks, options, now, told: progress });
      progress('');
      kept.write(search);
      if (command.emitScenario)
        for (const { argument, properties } of result.impossible)
          if (argument) emit(command.emitScenario, search, argument, `${properties.join('-')}-`);
      const text = command.json
        ? JSON.stringify({ ...result, seconds: now() - start }, null, 2)
        : `${frontierText(result)}\n\n${search.candidates} candidates, ${search.exclusions.length} exclusions, ${(now() - start).toFixed(0)} s`;
      process.stdout.write(`${text}\n`);
      return 0;
    }
    const found = synthesize(search, propertiesOf(command.synthesize ?? ''), options, now);
    progress('');
    kept.write(search);
    if (command.out && found.possible) writeFileSync(command.out, found.module);
    if (command.emitScenario && !found.possible && found.argument)
      process.stderr.write(
        `${emit(command.emitScenario, search, found.argument, '')} scenarios are in ${command.emitScenario}\n`,
      );
    const names = DECIDED.map(({ id, name }) => ({ id, name }));
    process.stdout.write(
      `${command.json ? JSON.stringify({ options, size: search.family.size, names, ...found }, null, 2) : told(found, search.family.size)}\n`,
    );
    return 0;
  } catch (error) {
    progress('');
    process.stderr.write(`ioasid: ${(error as Error).message}\n`);
    return 2;
  }
}
