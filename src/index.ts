/** The library: the virtual kernel as a value, with simulated processes. No Linux and no Node needed. */
export * as constants from './abi/constants.js';
export { errnoName } from './abi/errno.js';
export { printHeader } from './abi/header.js';
export * as ioctls from './abi/ioctls.js';
export { decodeStruct, type Struct } from './abi/layout.js';
export * as linuxConstants from './abi/linux-constants.js';
export * as linuxStructs from './abi/linux-structs.js';
export * as structs from './abi/structs.js';
export { POLICY_NAMES, policyByName } from './authority/policies.js';
export type { FileFacts, Policy, Proof } from './authority/policy.js';
export { type BootedMachine, type BootOptions, bootMachine } from './boot.js';
export { Errno } from './kernel/errno.js';
export type { CallRecord } from './kernel/kernel.js';
export type { Process, ProcessOptions } from './kernel/process.js';
export { DEFAULT_MACHINE } from './machine/default-machine.js';
export { FileError, parseMachine } from './machine/parse.js';
export type { MachineDescription } from './machine/schema.js';
export { type MachineState, machineState } from './state.js';
