/** The question in words for somebody who has ten minutes: what each step means, and whose wish each property is. */
import type { Step } from '../../../src/check/steps.js';

/** Why a step matters, for a reader who has never seen an IOMMU. */
export function meaning(step: Step): string {
  switch (step.do) {
    case 'open':
      return 'An open file of /dev/ioasid is where a process keeps the I/O address spaces of its devices. By itself it proves nothing.';
    case 'dup':
      return 'One open file, two descriptors: in Unix nobody can tell them apart.';
    case 'close':
      return 'The last descriptor that is closed ends the open file, unless a VM still holds it as proof.';
    case 'pass':
      return 'A descriptor is a right that can be handed on. Whoever holds it may do what it allows.';
    case 'bind':
      return 'The device now belongs to this open file. Its DMA still goes nowhere.';
    case 'unbind':
      return 'The device no longer belongs to the open file.';
    case 'attach':
      return step.ioasid === 'plain'
        ? 'Nothing forces this device to ask the CPU caches. If it can do no-snoop DMA, it reads and writes memory behind their back, and the caches must be flushed: the need.'
        : 'The IOMMU turns every request into one that asks the CPU caches. No flush is ever needed.';
    case 'detach':
      return 'The device reaches no memory any more. If it was the last that needed flushes, the need is gone.';
    case 'unplug':
      return 'Somebody pulls the card. Nobody was asked.';
    case 'plug':
      return 'The card is back in its slot.';
    case 'create-vm':
      return 'A virtual machine. Its guest may execute WBINVD; whether that flushes the real caches is the question.';
    case 'add':
      return 'The VM is shown the open file: look, here is a device that needs flushes. This is the proof.';
    case 'enable':
      return 'The process asks outright that its guest may flush. It must have the right itself at this moment.';
    case 'delete':
      return 'The VM no longer holds this proof.';
    case 'disable':
      return 'The VM gives up its right for good. No proof is needed for giving up.';
    case 'close-vm':
      return 'The VM ends, and lets go of its proofs.';
    case 'tick':
      return 'The clock moves. Under a policy with a time-out, rights can end by that alone.';
    case 'load':
      return 'The line is now in a CPU cache, as it was in memory at this moment.';
    case 'guest-flush':
      return 'With the right, every cache of the machine is written back and emptied. Without it, the instruction does nothing.';
    case 'flush-and-look':
      return 'A careful guest: it flushes before it looks at what the device wrote. Without the right, WBINVD did nothing.';
    case 'store':
      return 'The new value is in the cache only; memory still has the old one.';
    case 'migrate':
      return 'The dirty line stays behind, in the cache of the CPU that it left.';
    case 'map':
      return 'From now on devices can reach the page.';
    case 'unmap':
      return 'Devices can no longer reach the page.';
    case 'recycle':
      return 'The zeroes of the new owner are in the cache; what the former owner wrote is still in memory.';
    case 'dma-write':
      return 'The device writes to memory. A copy of the line in a cache is now out of date.';
    case 'dma-read':
      return 'The device reads what is in memory, whatever the caches say.';
    case 'flush':
      return 'The process itself writes back and empties the caches, by the right of its open file.';
  }
}

/** What each property asks, and who asked for it. */
export const WISHES: Readonly<Record<string, string>> = {
  P1: 'A guest may flush only while some proof of it needs flushes now. Proof should hold for the life of the access.',
  P2: 'The same objects and attachments give the same rights. Why should it work now because it worked once?',
  P3: 'A guest may flush only if the process itself may, through one of its proofs. KVM only accelerates what the process can do.',
  P4: 'If the process may flush, so may its guest: one to one with the ioctl.',
  P5: 'No open file is the effective proof of two VMs at once.',
  P6: 'Who holds the descriptor makes no difference: dup, fork and handing over change no answer.',
  P7: 'A device can always be detached and unplugged.',
  P8: 'A right once given ends only by an action of its holder: close, delete, disable.',
  P9: 'A guest that flushes before it looks never reads stale data. This is why the instruction exists.',
  P10: 'After the last close of proof and VM no right is left.',
  P11: 'Adding or deleting a proof never fails because of coherency.',
  P12: 'Forcing the right of a VM off needs no proof and always works.',
  P13: 'A flush reaches the dirty lines of every CPU that the holder ran on.',
  P14: 'A no-snoop device never reads what the former owner of a page left in memory behind the caches.',
};
