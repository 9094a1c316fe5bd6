/** Boots the machine of a run on this host, as the command line asks for it. */
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Policy } from '../authority/policy.js';
import { type BootedMachine, bootMachine } from '../boot.js';
import type { Rule } from '../inject/rule.js';
import type { MachineDescription } from '../machine/file/schema.js';
import { parseEviction } from '../memory/cpu-caches.js';
import { sanitizersByName } from '../sanitize/rules.js';
import { FileStore } from './host/file-store.js';
import { say } from './host/output.js';
import { SharedMemory } from './memory/shared-memory.js';
import type { RunFile, RunSettings } from './record/run-file.js';

export interface MachineOptions {
  /** A machine file, or the name of a machine; the default machine when not given. */
  readonly machine?: string | undefined;
  /** What the machine is to have instead: PATH=VALUE. */
  readonly set?: readonly string[] | undefined;
  readonly authority?: string | undefined;
  readonly coherency?: 'strict' | undefined;
  /** A kernel with Linux's own tests of iommufd; the machine file's choice when not given. */
  readonly selftest?: boolean | undefined;
  /** Whose /dev/kvm programs open; the machine file's choice when not given. */
  readonly kvm?: 'virtual' | 'host' | undefined;
  /** As --eviction takes it. */
  readonly eviction?: string | undefined;
  /** Failures on demand: rules, or files of rules. */
  readonly inject?: readonly string[] | undefined;
  /** Somebody wants to know which calls could have failed. */
  readonly injectReport?: string | undefined;
  /** Sanitizers, comma-separated; that of coherency needs the strict model. */
  readonly sanitize?: string | undefined;
  /** The version of this package. */
  readonly version?: (() => string) | undefined;
}

/** The YAML parser is loaded only where it is needed: the default machine comes parsed. */
async function machineOf({ machine, set = [] }: MachineOptions): Promise<MachineDescription | undefined> {
  if (machine === undefined && set.length === 0) return undefined;
  const { readMachine } = await import('./machine-file.js');
  return readMachine(machine, set);
}

/** The policy of a name or a file; and what is wrong with the policy is told as it shows. */
async function readPolicy(name: string): Promise<Policy> {
  const { loadPolicy } = await import('./policy-file.js');
  return loadPolicy(name, say);
}

/** Rules as --inject has them: written out, or in files. Loaded only when there are any. */
async function readRules(texts: readonly string[]): Promise<Rule[]> {
  const { readRule } = await import('./observe/rules.js');
  return texts.flatMap(readRule);
}

/** @throws Error the host has no /dev/kvm, or lets us not open it */
function requireHostKvm(): void {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
  } catch (error) {
    throw new Error(`--kvm host needs the host's /dev/kvm: ${(error as Error).message}`);
  }
}

/**
 * Boots it.
 * @param now the machine's clock, milliseconds; @param record where all that it does is recorded
 * @throws Error that says what is wrong with the options
 */
export async function bootForRun(
  options: MachineOptions,
  now: () => number,
  record?: RunFile | undefined,
): Promise<BootedMachine> {
  const strict = options.sanitize !== undefined && sanitizersByName(options.sanitize).has('coherency');
  const machine = await machineOf(options);
  const kvm = options.kvm ?? machine?.kvm;
  if (kvm === 'host') requireHostKvm();
  if (kvm === 'host' && record) throw new Error('--record: guests that the host’s KVM runs cannot be recorded');
  const settings = {
    coherency: strict ? 'strict' : options.coherency,
    ...(options.inject && { inject: await readRules(options.inject) }),
    selftest: options.selftest,
    cpus: availableParallelism(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  } as const;
  const booted = bootMachine({
    ...(machine && { machine }),
    ...settings,
    kvm,
    ...(options.authority !== undefined && { authority: await readPolicy(options.authority) }),
    injectLog: options.injectReport !== undefined,
    ...(options.eviction !== undefined && { eviction: parseEviction(options.eviction) }),
    now,
    // Loading it takes some milliseconds of a start; only a token of a VF needs it.
    random: (count) => process.getBuiltinModule('node:crypto').randomBytes(count),
    makeMemory: (device, bar, size) => new SharedMemory(`/dev/vfio/devices/${device}`, bar, size),
    openStore: (file, size) => new FileStore(file, size),
    ...record?.parts,
  });
  if (record) {
    const { authority, eviction } = options;
    record.start(booted.kernel, { ...settings, authority, eviction, ...(await named(options)) });
  }
  return booted;
}

/** The machine and the version of this package, as the first line of a recorded run has them. */
async function named({
  machine = 'default',
  set = [],
  version,
}: MachineOptions): Promise<Pick<RunSettings, 'machine' | 'version'>> {
  const { machineText } = await import('./machine-file.js');
  return { version: version?.() ?? '', machine: { name: machine, text: machineText(machine), set } };
}
