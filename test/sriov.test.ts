/** Virtual functions: sriov_numvfs makes them and takes them away at once (linux-vfio: sysfs; token rule in vfio/). */
import { expect, test } from 'vitest';
import { exec } from './run.js';

const PF = '/sys/bus/pci/devices/0000:05:00.0';
const sh = (script: string) => exec(['sh', '-c', script]);

test('sriov_numvfs makes virtual functions under vfio-pci, each alone in its group, and 0 takes them away', () => {
  const made = sh(`cd ${PF}; cat sriov_totalvfs; echo 2 > sriov_numvfs; cat sriov_numvfs
    for n in 0 1; do readlink virtfn$n virtfn$n/driver virtfn$n/physfn; ls virtfn$n/iommu_group/devices; done
    echo 0 > sriov_numvfs; cat sriov_numvfs; ls -d virtfn0 2>/dev/null`);
  const of = (n: number) => [
    `../0000:05:00.${n}`,
    '../../../bus/pci/drivers/vfio-pci',
    '../0000:05:00.0',
    `0000:05:00.${n}`,
  ];
  expect(made.stderr).toBe('');
  expect(made.stdout.trim().split('\n')).toEqual(['4', '2', ...of(1), ...of(2), '0']);
});

test('the same functions come again; another number than 0 on top of some changes nothing', () => {
  const { stdout } = sh(`cd ${PF}; echo 1 > sriov_numvfs; ls virtfn0/vfio-dev; echo 0 > sriov_numvfs
    echo 3 > sriov_numvfs; ls virtfn0/vfio-dev; (echo 2 > sriov_numvfs) 2>/dev/null; (echo 9 > sriov_numvfs) 2>/dev/null; cat sriov_numvfs`);
  expect(stdout.trim().split('\n')).toEqual(['vfio11', 'vfio11', '3']);
});

test('a virtual function has no SR-IOV of its own, and a device without it shows none', () => {
  const { stdout } = sh(`cd ${PF}; echo 1 > sriov_numvfs; ls virtfn0 ../0000:06:00.0/ | grep sriov; echo none`);
  expect(stdout.trim()).toBe('none');
});
