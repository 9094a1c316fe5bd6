/** `ioasid play`: plays a scenario file, step by step, with the expected and the seen answers. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CHECKED_POLICIES } from '../../check/check.js';
import { type Step, sentence } from '../../check/steps.js';
import type { Suite } from '../../report/result.js';
import { type ReportOptions, writeReports } from '../../runner/observe/reports.js';
import { loadPolicy } from '../../runner/policy-file.js';
import { type Played, parseScenario, playScenario } from '../../scenario/scenario.js';
import type { ScenarioStep } from '../../scenario/schema.js';

export interface PlayOptions extends ReportOptions {
  readonly policy?: string;
  readonly json?: boolean;
}

/** A policy of a user's own that is no policy ends the play. */
const refuse = (text: string): never => {
  throw new RangeError(text);
};

function told(step: ScenarioStep): string {
  return step.do === 'chmod' ? `chmod ${step.mode} /dev/ioasid` : sentence(step as Step);
}

function seen({ answer, rights, wrong }: Played): string {
  const may = Object.entries(rights).map(
    ([name, right]) => `${/^\d/.test(name) ? `VM ${name}` : name}${right ? '' : ' not'}`,
  );
  return `${answer}${may.length > 0 ? ` (may flush: ${may.join(', ')})` : ''}${wrong.length > 0 ? `  WRONG: ${wrong.join('; ')}` : ''}`;
}

/** Each policy that it was played under is a case; the steps that went otherwise are its details. */
function suite(title: string, policies: readonly string[], runs: readonly (readonly Played[])[]): Suite {
  const cases = policies.map((name, i) => {
    const detail = (runs[i] ?? []).flatMap(({ wrong }, step) => wrong.map((what) => `step ${step + 1}: ${what}`));
    if (detail.length === 0) return { name, outcome: 'pass' as const };
    return { name, outcome: 'fail' as const, reason: `${detail.length} steps were not as expected`, detail };
  });
  return { name: title, cases };
}

/** Returns the exit status: 1 if something was not as expected, 2 for a wrong file or policy. */
export async function play(file: string, { policy, json, ...reports }: PlayOptions): Promise<number> {
  try {
    const scenario = parseScenario(readFileSync(file, 'utf8'), file);
    const names =
      policy === 'all'
        ? CHECKED_POLICIES.map((name) => (name === 'timeout' ? 'timeout:1s' : name))
        : [policy ?? scenario.policy];
    // The scenario's own file is where the scenario is; one that is asked for, where the user is.
    const from = policy === undefined ? dirname(file) : '.';
    const policies = await Promise.all(names.map((name) => loadPolicy(name, refuse, from)));
    const runs = policies.map((each) => playScenario(scenario, each));
    const wrong = runs.some((run) => run.some((step) => step.wrong.length > 0));
    writeReports([suite(scenario.title, names, runs)], reports);
    if (json) {
      const results = names.map((name, i) => ({ policy: name, steps: runs[i] }));
      process.stdout.write(`${JSON.stringify({ title: scenario.title, wrong, results }, null, 2)}\n`);
      return wrong ? 1 : 0;
    }
    process.stdout.write(`${scenario.title}\n`);
    scenario.steps.forEach((step, i) => {
      process.stdout.write(`${String(i + 1).padStart(3)}. ${told(step)}${step.why ? ` (${step.why})` : ''}\n`);
      const answers = runs.map((run) => seen(run[i] as Played));
      if (answers.every((answer) => answer === answers[0]))
        process.stdout.write(`     ${names.length > 1 ? 'all: ' : ''}${answers[0]}\n`);
      else
        for (const [k, answer] of answers.entries())
          process.stdout.write(`     ${(names[k] ?? '').padEnd(11)} ${answer}\n`);
    });
    process.stdout.write(wrong ? 'something was not as expected\n' : 'all as expected\n');
    return wrong ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
}
