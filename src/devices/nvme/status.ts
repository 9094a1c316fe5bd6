/** Status of completed commands: type and code (Base Specification 2.0, 3.3.3.2.1; NVM Command Set Specification 1.0, 3). */

const generic = (code: number): number => code;
const specific = (code: number): number => 0x100 | code;
const media = (code: number): number => 0x200 | code;

/** Bits 10:8 are the type, 7:0 the code. */
export const STATUS = {
  SUCCESS: generic(0x00),
  INVALID_OPCODE: generic(0x01),
  INVALID_FIELD: generic(0x02),
  DATA_TRANSFER_ERROR: generic(0x04),
  INTERNAL_ERROR: generic(0x06),
  ABORT_REQUESTED: generic(0x07),
  INVALID_NAMESPACE: generic(0x0b),
  COMMAND_SEQUENCE_ERROR: generic(0x0c),
  INVALID_SGL_SEGMENT: generic(0x0d),
  INVALID_SGL_COUNT: generic(0x0e),
  INVALID_SGL_LENGTH: generic(0x0f),
  INVALID_SGL_TYPE: generic(0x11),
  INVALID_PRP_OFFSET: generic(0x13),
  LBA_OUT_OF_RANGE: generic(0x80),
  COMPLETION_QUEUE_INVALID: specific(0x00),
  INVALID_QUEUE_ID: specific(0x01),
  INVALID_QUEUE_SIZE: specific(0x02),
  EVENT_LIMIT_EXCEEDED: specific(0x05),
  INVALID_VECTOR: specific(0x08),
  INVALID_LOG_PAGE: specific(0x09),
  INVALID_FORMAT: specific(0x0a),
  INVALID_QUEUE_DELETION: specific(0x0c),
  FEATURE_NOT_SAVEABLE: specific(0x0d),
  FEATURE_NOT_CHANGEABLE: specific(0x0e),
  WRITE_FAULT: media(0x80),
  READ_ERROR: media(0x81),
  COMPARE_FAILURE: media(0x85),
} as const;

export type Status = number;

/** Transfer errors and failures of the medium may go away; the same wrong command stays wrong. */
const MAY_PASS: readonly Status[] = [
  STATUS.SUCCESS,
  STATUS.DATA_TRANSFER_ERROR,
  STATUS.INTERNAL_ERROR,
  STATUS.ABORT_REQUESTED,
];

/** The status field of a completion without its phase: bits 10:0 the status, bit 14 Do Not Retry. */
export function statusField(status: Status): number {
  const passes = MAY_PASS.includes(status) || (status >> 8 === 2 && status !== STATUS.COMPARE_FAILURE);
  return status | (passes ? 0 : 0x4000);
}

/** A command that is refused, with the status that it completes with. */
export class CommandError extends Error {
  readonly status: Status;

  /** @param status one of STATUS; @param message for a reader of a trace */
  constructor(status: Status, message: string) {
    super(message);
    this.name = 'CommandError';
    this.status = status;
  }
}
