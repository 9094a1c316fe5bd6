/** The command line of `ioasid exec`. */
import { type Command, Option } from 'commander';
import { setOption } from '../set-option.js';
import { version } from '../version.js';

/** Adds the command. */
export function addExec(program: Command): void {
  program
    .command('exec')
    .description('run a program on the virtual kernel; ends with its exit status')
    .usage('[options] -- PROGRAM [ARGS...]')
    .argument('<program...>', 'the program and its arguments')
    .option('--machine <machine>', 'machine file (YAML), or the name of a machine; see ioasid machine')
    .addOption(setOption())
    .option('--authority <policy>', 'who may flush the CPU caches, and for how long: a name, or the file of a policy')
    .option('--trace <file>', 'write each served call as a line of JSON; - writes text to stderr')
    .option('--record <file>', 'write all that the machine is handed and does, for ioasid replay')
    .addOption(
      new Option('--coherency <model>', 'model the CPU caches for memory that non-coherent devices reach').choices([
        'strict',
      ]),
    )
    .option('--eviction <when>', 'with --coherency: when caches evict lines by themselves: never, or seeded:NUMBER')
    .addOption(
      new Option(
        '--ui [how]',
        'serve a page that shows the run; hold: the program waits before its first call',
      ).choices(['hold']),
    )
    .option('--selftest', "a kernel with Linux's own tests of iommufd: mock devices, IOMMU_TEST_CMD")
    .addOption(
      new Option('--kvm <whose>', "whose /dev/kvm: the machine's, or the host's, which runs guests").choices([
        ...['virtual', 'host'],
      ]),
    )
    .option('--sanitize <list>', 'tell what a driver does wrong: dma, coherency, leaks (comma-separated)')
    .option('--sanitize-exit <status>', 'exit status when something was found; 0: the program’s', '99')
    .option('--suppressions <file>', 'findings that are known: RULE or RULE:TEXT, one a line')
    .option('--sarif <file>', 'with --sanitize: write the findings as SARIF, too')
    .option(
      '--inject <rule...>',
      'let calls fail, as CALL[@FILE]:ERRNO[,nth=N] says, or a YAML file of rules; see docs/ci.md',
    )
    .option(
      '--junit <file>',
      'write the run as one case of JUnit XML: it fails with its program, and with what was found',
    )
    .option('--ktap <file>', 'the same as KTAP')
    .option('--inject-report <file>', 'write which calls could have failed, and how often each rule struck, as JSON')
    .option('--io-uring', 'let io_uring through: what it does passes by the virtual kernel')
    .option('-v, --verbose', 'say how devices are reached, and at the end what was served')
    .passThroughOptions()
    .action(async ([file = '', ...args]: string[], options) => {
      const { exec } = await import('../../runner/exec.js');
      process.exitCode = await exec({ program: file, args, ...options, version });
    });
}
