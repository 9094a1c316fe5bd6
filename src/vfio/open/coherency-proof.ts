/**
 * What a VFIO file proves to a VM (Linux: vfio_file_enforced_coherency), whichever personality attaches its device: that the
 * IOMMU cannot enforce snooping, which is what Linux asks; and that requests pass by the caches now, which it does not.
 */
import type { IommuGroup, Requester } from '../../iommu/requester.js';
import type { Proof } from '../../kernel/proof.js';

/**
 * Makes the proof of a file.
 * @param label what a person calls the file
 * @param requesters those that the file stands for, now
 * @param bound one of them is bound through the file
 */
export function coherencyProof(
  label: string,
  group: IommuGroup,
  requesters: () => Iterable<Requester>,
  bound: () => boolean,
): Proof {
  const facts = () => {
    const all = [...requesters()];
    return {
      need: all.some((each) => each.passesCaches),
      bound: bound(),
      unenforced: all.some(({ unit }) => !unit.enforcesSnoop),
    };
  };
  const watched = new Map<object, () => void>();
  return {
    kind: 'vfio',
    label,
    // The keeper has a record of the file for each VM.
    record(authority) {
      const record = authority.addFile({ facts }, () => {});
      const tell = () => authority.changed(record);
      watched.set(record, tell);
      group.routeWatchers.add(tell);
      return record;
    },
    returned(authority, record) {
      const tell = watched.get(record);
      watched.delete(record);
      if (tell) group.routeWatchers.delete(tell);
      authority.removeFile(record);
    },
  };
}
