/**
 * Capability chains behind VFIO info structs (linux-vfio.md, 4.1 and 5.2): a header each, with the offset of the next one
 * from the start of the info struct.
 */
import { type FieldTypes, fieldsOf, type Struct, type Values } from '../abi/layout.js';
import { vfio_info_cap_header } from '../abi/vfio.js';

export interface InfoCapability {
  readonly id: number;
  readonly version: number;
  /** The whole capability; its header is filled in by the chain. */
  readonly bytes: Uint8Array;
}

/** A capability of fixed size. @param values what is not given is zero */
export function infoCapability<F extends FieldTypes>(
  id: number,
  version: number,
  layout: Struct<F>,
  values: Partial<Values<F>> = {},
): InfoCapability {
  const bytes = new Uint8Array(layout.size);
  Object.assign(fieldsOf(layout, new DataView(bytes.buffer)), values);
  return { id, version, bytes };
}

/** Links capabilities; each starts at a multiple of 8. @param at where the chain starts, from the start of the struct */
export function capabilityChain(capabilities: readonly InfoCapability[], at: number): Uint8Array {
  const sizes = capabilities.map(({ bytes }) => Math.ceil(bytes.length / 8) * 8);
  const chain = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(chain.buffer);
  const { set } = vfio_info_cap_header;
  let offset = 0;
  for (const [i, { id, version, bytes }] of capabilities.entries()) {
    chain.set(bytes, offset);
    const next = offset + (sizes[i] ?? 0);
    set.id(view, id, offset);
    set.version(view, version, offset);
    set.next(view, i + 1 < capabilities.length ? at + next : 0, offset);
    offset = next;
  }
  return chain;
}
