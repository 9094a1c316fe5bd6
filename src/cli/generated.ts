/** The files of the repository that are made from others; a test sees that they are current. */
import { injectJsonSchema } from '../inject/rule.js';
import { DEFAULT_MACHINE } from '../machine/file/default-machine.js';
import { parseMachine } from '../machine/file/parse.js';
import { machineJsonSchema } from '../machine/file/schema.js';
import { scenarioJsonSchema } from '../scenario/schema.js';
import { commands } from './commands.js';
import { manPages } from './manual/man.js';
import { version } from './version.js';

/** File name, from the root of the repository, to its contents. */
export function generated(): Record<string, string> {
  const description = JSON.stringify(parseMachine(DEFAULT_MACHINE, 'the default machine'), null, 2);
  return {
    ...manPages(commands(), version()),
    'machines/default.yaml': DEFAULT_MACHINE,
    'schema/inject.schema.json': `${JSON.stringify(injectJsonSchema(), null, 2)}\n`,
    'schema/machine.schema.json': `${JSON.stringify(machineJsonSchema(), null, 2)}\n`,
    'schema/scenario.schema.json': `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`,
    'src/machine/default-description.ts': `/** The default machine, parsed: printed by scripts/generate.mjs, so that booting it needs no parser. */
import type { MachineDescription } from './file/schema.js';

export const DEFAULT_DESCRIPTION: MachineDescription = ${description};
`,
  };
}
