/** The commands. The work of each is elsewhere, and is loaded when it is asked for. */

import { Command, Option } from 'commander';
import { PRESETS } from '../check/presets.js';
import { addExec } from './exec/command.js';
import { setOption } from './set-option.js';
import { version } from './version.js';

/** All commands, their options and what they do. */
export function commands(): Command {
  const program = new Command('ioasid')
    .description(
      'The whole of /dev/ioasid in user space: runs unmodified programs on a virtual kernel with IOMMUs, VFIO devices and KVM.',
    )
    .version(version())
    .enablePositionalOptions()
    .showHelpAfterError('(see ioasid --help)')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 125));

  addExec(program);

  program
    .command('torture')
    .description('run a program again and again, one served call failing each time, and tell how it takes it')
    .usage('[options] -- PROGRAM [ARGS...]')
    .argument('<program...>', 'the program and its arguments; {} is an empty directory of the trial’s own')
    .option('--machine <machine>', 'machine file (YAML), or the name of a machine')
    .addOption(setOption())
    .option('--authority <policy>', 'who may flush the CPU caches')
    .option('--selftest', "a kernel with Linux's own tests of iommufd")
    .option('--verify <command>', 'a shell command that ends with 0 if the work of a run with status 0 was done')
    .option('--timeout <seconds>', 'a run that takes longer hangs; ten times the run without failures, at least 5')
    .option('--jobs <n>', 'runs side by side; as many as there are cores')
    .option('--calls <n>', 'only the first n served calls')
    .option('--resume <file>', 'note each trial there, and do not try again what is noted')
    .option('--junit <file>', 'write a report in JUnit XML, too')
    .option('--ktap <file>', 'write a report in KTAP, too')
    .option('--json', 'for scripts')
    .passThroughOptions()
    .action(async (args: string[], options) => {
      const { torture } = await import('./torture.js');
      process.exitCode = await torture(args, options);
    });

  const ctl = program.command('ctl').description('look into a running exec, and change its machine');
  const request = (command: 'state' | 'unplug' | 'plug' | 'authority', description: string, argument?: string) => {
    const sub = ctl
      .command(command)
      .description(description)
      .option('--run <pid>', 'process id of the ioasid exec, if there are several');
    if (argument) sub.argument(argument);
    if (command === 'state') sub.option('--json', 'for scripts');
    sub.action(async (...args: unknown[]) => {
      const { ctl: send } = await import('./ctl.js');
      const name = argument ? String(args[0]) : undefined;
      process.exitCode = await send({ command, name }, sub.opts());
    });
  };
  request('state', 'all objects of the machine, as a tree');
  request('unplug', 'take a device out under its user’s hands', '<device>');
  request('plug', 'put a device back', '<device>');
  request('authority', 'put another authority policy in force', '<policy>');

  program
    .command('ui')
    .description(
      'serve the page of your runs, or of a trace that exec --trace FILE wrote; it is for this host and you only',
    )
    .argument('[trace]', 'a trace file')
    .option('--port <n>', 'port of 127.0.0.1; any that is free when not given')
    .addOption(new Option('--directory <directory>', 'the run that is shown').hideHelp())
    .action(async (trace: string | undefined, options) => {
      const { ui } = await import('./ui.js');
      process.exitCode = await ui(trace, options);
    });

  program
    .command('check')
    .description('prove or refute each property of each authority policy, over a bounded world')
    .option('--policy <name...>', 'only these policies')
    .option('--authority <file...>', 'policies of your own')
    .option('--synthesize <properties>', 'find a policy with these properties, or why there is none: P1,P7,P9')
    .option('--frontier', 'all sets of properties that can be had together, and all that cannot')
    .option('--memories <n>', 'with these: how many values each memory of a policy takes')
    .option('--clock', 'with these: policies that look at the clock, too')
    .option('--resume <file>', 'with these: keeps what is known there, and goes on from it')
    .option('--out <file>', 'with --synthesize: write the policy as a module')
    .option(
      '--bound <name>',
      `bounds by name; what follows changes them. ${Object.entries(PRESETS)
        .map(([name, { summary }]) => `${name}: ${summary}`)
        .join('; ')}`,
    )
    .option('--processes <n>', 'processes')
    .option('--files <n>', 'open files of /dev/ioasid')
    .option('--descriptors <n>', 'most descriptors of a file in a process')
    .option('--devices <n>', 'devices of the default machine: vfio0 to vfio4')
    .option('--vms <n>', 'VMs')
    .option('--ticks <n>', 'ticks of the clock')
    .option('--flush-one-cpu', 'the mechanism: a flush reaches one CPU only')
    .option('--no-flush-on-map', 'the mechanism: pages are not flushed when they are mapped and let go')
    .option('--no-symmetry', 'tell states apart that differ by names only; the answers are the same')
    .option('--memory <GiB>', 'most memory for states, of all policies that are checked at once; 8 when not given')
    .option(
      '--bit-state [MiB]',
      'bit-state hashing in a field of so many MiB for each policy at once (512): finds counterexamples, and proves nothing, because it misses states',
    )
    .option('--json', 'for scripts')
    .option('--emit-scenario <directory>', 'write each counterexample as a scenario file')
    .option('-v, --verbose', 'say which actions never could happen, too')
    .action(async ({ flushOnMap, symmetry, ...rest }) => {
      const options = { ...rest, noFlushOnMap: flushOnMap === false, noSymmetry: symmetry === false };
      const search = options.synthesize !== undefined || options.frontier;
      const { answer } = search
        ? await import('./check/frontier.js')
        : { answer: (await import('./check/check.js')).check };
      process.exitCode = await answer(options);
    });

  program
    .command('play')
    .description('play a scenario file on the virtual kernel')
    .argument('<file>')
    .option('--policy <name>', 'another policy than the file names, or the file of one; all: side by side')
    .option('--json', 'for scripts')
    .option('--junit <file>', 'write a report in JUnit XML, too: a case a policy')
    .option('--ktap <file>', 'write a report in KTAP, too')
    .action(async (file: string, options) => {
      const { play } = await import('./stories/play.js');
      process.exitCode = await play(file, options);
    });

  program
    .command('replay')
    .description('replay a run that exec --record FILE wrote, and show the first answer that differs')
    .argument('<trace>', 'the file of the recorded run')
    .option('--machine <machine>', 'another machine than the recorded one: a file, or a name')
    .addOption(setOption())
    .option('--authority <policy>', 'another policy: a name, or the file of one')
    .option('--json', 'for scripts')
    .action(async (trace: string, options) => {
      const { replayTrace } = await import('./replay.js');
      process.exitCode = await replayTrace(trace, options);
    });

  program
    .command('doctor')
    .description('check what the runner needs on this host')
    .option('--json', 'for scripts')
    .option('--fix', 'print the commands that give this host what it lacks')
    .action(async (options: { json?: boolean; fix?: boolean }) => {
      const { doctor } = await import('../runner/doctor/doctor.js');
      process.exitCode = doctor(options);
    });

  const abi = program.command('abi').description('the user API');
  abi
    .command('header')
    .description('print the C header')
    .option('--iommufd', 'that of /dev/iommu, for hosts whose own is older than Linux 7.2')
    .action(async ({ iommufd }: { iommufd?: boolean }) => {
      const { printHeader } = await import('../abi/ioasid/header.js');
      const { printIommufdHeader } = await import('../abi/iommufd-header.js');
      process.stdout.write(iommufd ? printIommufdHeader() : printHeader());
    });

  const machine = program.command('machine').description('machine files');
  machine
    .command('default')
    .description('print the default machine, as a start for your own')
    .action(async () => {
      const { DEFAULT_MACHINE } = await import('../machine/file/default-machine.js');
      process.stdout.write(DEFAULT_MACHINE);
    });
  machine
    .command('names')
    .description('the machines that --machine knows by name')
    .action(async () => {
      const { tellMachines } = await import('./check-machine.js');
      tellMachines();
    });
  machine
    .command('show')
    .description('print a machine, as a start for your own')
    .argument('<machine>', 'a name')
    .action(async (name: string) => {
      const { showMachine } = await import('./check-machine.js');
      process.exitCode = showMachine(name);
    });
  machine
    .command('schema')
    .description('print the JSON Schema of machine files')
    .action(async () => {
      const { machineJsonSchema } = await import('../machine/file/schema.js');
      process.stdout.write(`${JSON.stringify(machineJsonSchema(), null, 2)}\n`);
    });
  machine
    .command('list')
    .description('how each device of a machine is reached: address, driver, group, files')
    .argument('[machine]', 'a file or a name; the default machine when not given')
    .addOption(setOption())
    .option('--json', 'for scripts')
    .action(async (file: string | undefined, options: { set?: string[]; json?: boolean }) => {
      const { listMachine } = await import('./check-machine.js');
      process.exitCode = listMachine(file, options.set ?? [], options.json ?? false);
    });
  machine
    .command('check')
    .description('say what is wrong with a machine file')
    .argument('<file>')
    .action(async (file: string) => {
      const { checkMachineFile } = await import('./check-machine.js');
      process.exitCode = checkMachineFile(file);
    });

  program
    .command('record')
    .description('record what is here for later runs')
    .command('machine')
    .description('write this host’s PCI functions, groups, IOMMUs and drivers as a machine file')
    .option('--identifying', 'with serial numbers: what tells this host from others of its kind')
    .action(async (options: { identifying?: boolean }) => {
      const { recordMachine } = await import('../runner/record/machine.js');
      process.stdout.write(recordMachine(options));
    });

  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      '\nbash: source <(ioasid completion bash)\nzsh: source <(ioasid completion zsh)\nfish: ioasid completion fish | source',
    )
    .action(async (shell: string) => {
      const { completion } = await import('./manual/completion.js');
      const script = completion(program, shell);
      if (script === undefined) program.error(`no completion for '${shell}'; there is one for bash, zsh and fish`);
      else process.stdout.write(script);
    });
  return program;
}
