/** Scenarios: scripted stories without a program, played under one policy or under several side by side. */
import type { Policy } from '../authority/policy.js';
import { parseFile } from '../machine/file/parse.js';
import { Player } from './play.js';
import { type Scenario, type ScenarioStep, scenarioSchema } from './schema.js';

/** What one step gave. */
export interface Played {
  readonly answer: string;
  /** The answer that the scenario expects; undefined: any. */
  readonly expected: string | undefined;
  /** Who may flush after the step, of those that the scenario asks about. */
  readonly rights: Readonly<Record<string, boolean>>;
  /** What is not as expected, in words. */
  readonly wrong: readonly string[];
}

/** @param file its name, for messages. @throws FileError with line and column */
export function parseScenario(text: string, file: string): Scenario {
  return parseFile(scenarioSchema, text, file);
}

/** What is expected under a policy: said for all, or by policy. `timeout:1s` is found as timeout. */
function under<T extends string | boolean>(
  value: T | Readonly<Record<string, T>> | undefined,
  policy: string,
): T | undefined {
  if (typeof value !== 'object') return value;
  return value[policy] ?? value[policy.split(':')[0] ?? ''] ?? value.other;
}

function playStep(player: Player, step: ScenarioStep, policy: string): Played {
  const answer = step.do === 'restart' ? 'ok' : player.play(step);
  const expected = under<string>(step.expect, policy);
  const wrong = expected !== undefined && expected !== answer ? [`expected ${expected}, got ${answer}`] : [];
  const rights: Record<string, boolean> = {};
  for (const [name, value] of Object.entries(step.rights ?? {})) {
    const right = player.right(name);
    rights[name] = right;
    const wanted = under<boolean>(value, policy);
    if (wanted !== undefined && wanted !== right)
      wrong.push(`${/^\d/.test(name) ? 'VM ' : ''}${name} ${right ? 'may' : 'may not'} flush, expected the opposite`);
  }
  return { answer, expected, rights, wrong };
}

/** Plays a scenario under a policy; its own when not given. @throws Error a step names what is not there */
export function playScenario(scenario: Scenario, policy: string | Policy = scenario.policy): Played[] {
  const name = typeof policy === 'string' ? policy : policy.name;
  let player = new Player(policy);
  return scenario.steps.map((step, i) => {
    try {
      // Everything as it was before the first step: the story of another way begins.
      if (step.do === 'restart') player = new Player(policy);
      return playStep(player, step, name);
    } catch (error) {
      throw new Error(`step ${i + 1} (${step.do}): ${(error as Error).message}`);
    }
  });
}
