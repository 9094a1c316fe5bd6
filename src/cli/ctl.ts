/** `ioasid ctl`: talks to a running `ioasid exec`. */
import { ask, type ControlRequest } from '../runner/control.js';
import { runs, runsDirectory } from '../runner/runs.js';
import type { MachineState } from '../state.js';

export interface CtlOptions {
  /** Process id of the `ioasid exec` that is meant. */
  readonly run?: string;
  readonly json?: boolean;
}

/** Sends one command. Returns the exit status. */
export async function ctl(request: ControlRequest, options: CtlOptions): Promise<number> {
  const all = runs(runsDirectory());
  const wanted = options.run === undefined ? all : all.filter(({ pid }) => String(pid) === options.run);
  const [run] = wanted;
  if (!run || wanted.length > 1) {
    const list = all.map(({ pid }) => pid).join(', ');
    const problem = all.length === 0 ? 'no run of yours is going on' : `say which run by --run; there are: ${list}`;
    process.stderr.write(`ioasid: ${problem}\n`);
    return 1;
  }
  try {
    const answer = await ask(run.directory, request);
    if ('error' in answer) {
      process.stderr.write(`ioasid: ${answer.error}\n`);
      return 1;
    }
    if (answer.state)
      process.stdout.write(options.json ? `${JSON.stringify(answer.state, null, 2)}\n` : tree(answer.state));
    return 0;
  } catch (error) {
    process.stderr.write(`ioasid: run ${run.pid} does not answer: ${(error as Error).message}\n`);
    return 1;
  }
}

/** The state for a person. */
function tree(state: MachineState): string {
  const lines = [`authority: ${state.authority}; all caches were flushed ${state.flushes} times`];
  const away = state.devices.filter((device) => !device.pluggedIn).map((device) => device.name);
  if (away.length > 0) lines.push(`unplugged: ${away.join(', ')}`);
  for (const context of state.contexts) {
    lines.push(
      `context ${context.context} (/dev/ioasid)${context.mayFlush ? ', may flush' : ''}${context.need ? ', needs it' : ''}`,
    );
    for (const device of context.devices) {
      lines.push(
        `  device ${device.name}, cookie ${device.cookie}, group ${device.group}, uses IOASID ${device.inUse ?? 'none'}`,
      );
    }
    for (const space of context.ioasids) {
      const facts = [
        space.parent === null ? '' : `child of ${space.parent}`,
        space.userTable ?? `${space.mappings} mappings`,
        space.enforceSnoop ? 'enforces snoop' : '',
        space.nonCoherent ? 'non-coherent' : '',
        space.partialGroup === null ? '' : `group ${space.partialGroup} partly attached`,
        space.dirtyTracking ? 'dirty tracking' : '',
        ...space.attachments.map(({ device, pasid }) => (pasid === null ? device : `${device} by PASID ${pasid}`)),
      ];
      lines.push(`  IOASID ${space.ioasid}: ${facts.filter(Boolean).join(', ')}`);
    }
  }
  for (const vm of state.vms) {
    const right = vm.forcedOff ? 'forced off' : vm.guestMayFlush ? 'its guest may flush' : 'its guest may not flush';
    lines.push(`VM ${vm.vm}: ${right}; proofs: ${vm.proofs.join(', ') || 'none'}`);
  }
  return `${lines.join('\n')}\n`;
}
