/**
 * The vocabulary of the authority question: what can happen in the checker's world, in a scenario, and in the virtual
 * kernel alike. A step is plain data; its sentence is what a person reads.
 */

export type Step =
  | { readonly do: 'open'; readonly process: string; readonly file: string }
  | { readonly do: 'dup' | 'close'; readonly process: string; readonly file: string }
  | { readonly do: 'pass'; readonly process: string; readonly file: string; readonly to: string }
  | { readonly do: 'bind'; readonly process: string; readonly file: string; readonly device: string }
  | { readonly do: 'unbind'; readonly device: string }
  | { readonly do: 'attach'; readonly device: string; readonly ioasid: Kind }
  | { readonly do: 'detach'; readonly device: string }
  | { readonly do: 'unplug' | 'plug'; readonly device: string }
  | { readonly do: 'create-vm'; readonly process: string; readonly vm: string }
  | { readonly do: 'add' | 'delete' | 'enable'; readonly vm: string; readonly file: string }
  | { readonly do: 'disable' | 'close-vm'; readonly vm: string }
  | { readonly do: 'tick' }
  | { readonly do: 'load' | 'guest-flush' | 'flush-and-look'; readonly vm: string }
  | { readonly do: 'store' | 'migrate' | 'map' | 'unmap' | 'recycle' }
  | { readonly do: 'dma-write' | 'dma-read'; readonly device: string }
  | { readonly do: 'flush'; readonly process: string; readonly file: string };

/** The names of processes, files and VMs, by index. */
export const processName = (index: number): string => String.fromCharCode(65 + index);
export const fileName = (index: number): string => `F${index + 1}`;
export const vmName = (index: number): string => String(index + 1);
/** The index of a file or a VM by its name, whose last character is its number: a bounded world has fewer than ten. */
export const indexOf = (name: string): number => name.charCodeAt(name.length - 1) - 49;

/** An IOASID that enforces snoop, or one that does not. */
export type Kind = 'enforcing' | 'plain';

/** The step as a sentence, without a full stop. */
export function sentence(step: Step): string {
  switch (step.do) {
    case 'open':
      return `process ${step.process} opens /dev/ioasid: file ${step.file}`;
    case 'dup':
      return `process ${step.process} duplicates its descriptor of ${step.file}`;
    case 'close':
      return `process ${step.process} closes a descriptor of ${step.file}`;
    case 'pass':
      return `process ${step.process} hands ${step.file} to process ${step.to} over a unix socket`;
    case 'bind':
      return `process ${step.process} binds ${step.device} to ${step.file}`;
    case 'unbind':
      return `${step.device} is unbound`;
    case 'attach':
      return `${step.device} is attached to an IOASID that ${step.ioasid === 'enforcing' ? 'enforces' : 'does not enforce'} snoop`;
    case 'detach':
      return `${step.device} is detached`;
    case 'unplug':
      return `${step.device} is unplugged`;
    case 'plug':
      return `${step.device} is plugged in`;
    case 'create-vm':
      return `process ${step.process} creates VM ${step.vm}`;
    case 'add':
      return `VM ${step.vm} is given ${step.file} as proof`;
    case 'enable':
      return `VM ${step.vm} is shown ${step.file} by KVM_ENABLE_WBINVD`;
    case 'delete':
      return `VM ${step.vm} gives the proof ${step.file} back`;
    case 'disable':
      return `VM ${step.vm} forces WBINVD off`;
    case 'close-vm':
      return `VM ${step.vm} is closed`;
    case 'tick':
      return 'time passes';
    case 'load':
      return `the guest of VM ${step.vm} reads the line into a cache`;
    case 'guest-flush':
      return `the guest of VM ${step.vm} executes WBINVD`;
    case 'flush-and-look':
      return `the guest of VM ${step.vm} executes WBINVD and reads the line`;
    case 'store':
      return 'a store makes the line dirty in the cache of this CPU';
    case 'migrate':
      return 'the process moves to the other CPU';
    case 'map':
      return 'the page is mapped for DMA';
    case 'unmap':
      return 'the page is unmapped';
    case 'recycle':
      return 'the page gets a new owner; the kernel clears it, in the cache';
    case 'dma-write':
      return `${step.device} writes the line by no-snoop DMA`;
    case 'dma-read':
      return `${step.device} reads the line by no-snoop DMA`;
    case 'flush':
      return `process ${step.process} runs IOASID_EXECUTE_WBINVD on ${step.file}`;
  }
}
