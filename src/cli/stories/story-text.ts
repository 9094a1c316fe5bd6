/** The words around the story. */
import type { TraceEvent } from '../../trace/json.js';

/** The two answers that the story compares. */
export const POLICIES_OF_STORY = ['mediated', 'one-time'] as const;

/** Why the process's own ioctl was refused last. */
function lastRefusal(events: readonly TraceEvent[]): string {
  return events.findLast((event) => event.errno === 'ENXIO')?.reason ?? 'it was not refused';
}

export const storyText = {
  introduction: `A device that does DMA behind the CPU's caches leaves stale bytes there, so its owner may flush the caches: all of
them, of the whole machine (wbinvd). The right rests on owning the device. How long does that proof last? Linux never
answered. ioasid runs real programs on a virtual kernel that has every answer.

Below, one compiled program runs twice, and nothing in it knows of ioasid: /dev/ioasid, the device, its IOMMU and
/dev/kvm are virtual; memory, descriptors and processes are real. Left, policy 'mediated': the right lasts as long as
the need. Right, 'one-time': judged once, like open() and chmod.`,

  conclusion: (events: readonly TraceEvent[]): string =>
    `The device is gone, so the process itself is refused under both: "${lastRefusal(events)}".
Its guest is where they part. Under 'mediated' the guest can do what the process can do now, so its WBINVD became a
no-op. Under 'one-time' the proof was good when it was shown: the guest still flushes every cache of the machine, for
ever, although no device is left that needs it.

Next:
  npm start -- ./your-program                    run your own program on the virtual kernel
  ./bin/ioasid exec --trace - -- ./your-program  see each call, and why it was refused
  ./bin/ioasid ui                                the page: why no policy has it all, step by step
  ./bin/ioasid exec --ui -- ./your-program       the page of your run: hold it, step it, see what it holds
  ./bin/ioasid --help                            everything else`,
};
