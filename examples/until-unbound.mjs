// An authority policy of your own: ioasid exec --authority examples/until-unbound.mjs -- ./program
// and what it promises:          ioasid check --authority examples/until-unbound.mjs
//
// The guest has the right from the time when a device needs it until no device is bound any more: a device that is
// detached for a moment (a guest that changes its IOMMU's page tables) takes nothing away.

/** @type {import('ioasid').Policy} */
export const policy = {
  name: 'until-unbound',
  summary: 'from the first need until no device is bound',
  memories: { file: 1, proof: 2, vm: 1 },

  // What a process may do: run the ioctl while a device needs it.
  fileChanged: (memory) => memory,
  fileRight: (_memory, facts) => facts.need,

  // What is remembered of a proof: 1 once there was need, 0 again when the last device is gone.
  proofShown: (_file, facts) => (facts.need ? 1 : 0),
  proofChanged: (memory, facts) => {
    if (!facts.bound) return 0;
    return facts.need ? 1 : memory;
  },
  vmShown: (memory) => memory,
  vmListed: (memory) => memory,
  vmRight: (_memory, proofs) => proofs.some((proof) => proof.memory === 1),

  // Nothing is refused, and no right ends by the clock.
  mayShow: () => true,
  mayEndNeed: () => true,
  vmDeadline: () => undefined,
};
