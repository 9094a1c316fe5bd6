/** What real programs find under /sys. Those that are not installed are skipped, with the reason. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { exec, run } from './run.js';

const sh = (script: string) => exec(['sh', '-c', script]);
const missing = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0;
const D = '/sys/bus/pci/devices/0000:01:00.0';

describe('ordinary tools', () => {
  test('ls, cat, realpath, find and a shell that goes there', () => {
    const { stdout, stderr, status } = sh(
      `ls /sys/bus/pci/devices | head -1; cat ${D}/vendor; realpath ${D}/driver; cd ${D} && pwd -P && stat -c '%F %s %a' config;
       find /sys/kernel/iommu_groups -name '0000:*' | sort | head -2`,
    );
    expect(stdout).toBe(
      [
        ...['0000:00:02.0', '0x1d0a', '/sys/bus/pci/drivers/vfio-pci', '/sys/devices/pci0000:01/0000:01:00.0'],
        ...['regular file 256 644', '/sys/kernel/iommu_groups/1/devices/0000:00:02.0'],
        '/sys/kernel/iommu_groups/10/devices/0000:08:00.0\n',
      ].join('\n'),
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });

  test('a write by a shell’s redirection is done before the next look', () => {
    const { stdout } = sh(
      `echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/unbind; ls /dev/vfio/devices/vfio1 2>&1;
       echo vfio-pci > ${D}/driver_override; echo 0000:01:00.0 > /sys/bus/pci/drivers_probe; ls /dev/vfio/devices/vfio1`,
    );
    expect(stdout).toMatch(/No such file or directory\n\/dev\/vfio\/devices\/vfio1\n$/);
  });

  test('what the host has elsewhere under /sys is there as before', () => {
    const script =
      'ls /sys/class/net; cat /sys/class/net/lo/address; ls /sys | sort; cat /sys/devices/system/cpu/possible';
    expect(sh(script).stdout).toBe(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout);
  });
});

describe('writes have the errors of Linux', () => {
  test.skipIf(missing('python3'))('bind, unbind, new_id, drivers_probe', () => {
    const { stdout } = exec([
      'python3',
      '-c',
      `
import os, errno
def w(path, text):
    try:
        fd = os.open("/sys/bus/pci/" + path, os.O_WRONLY)
        try: print(os.write(fd, text))
        finally: os.close(fd)
    except OSError as e: print(errno.errorcode[e.errno])
w("drivers/vfio-pci/bind", b"0000:01:00.0\\n")
w("drivers/vfio-pci/bind", b"0000:99:00.0\\n")
w("drivers/nvme/unbind", b"0000:01:00.0\\n")
w("drivers/vfio-pci/new_id", b"8086\\n")
w("drivers/vfio-pci/new_id", b"1d0a 0a51\\n")
w("drivers/vfio-pci/new_id", b"1d0a 0a51\\n")
w("drivers/vfio-pci/bind", b"0000:01:00.0\\n")
w("drivers/vfio-pci/unbind", b"0000:01:00.0\\n")
w("drivers_probe", b"0000:99:00.0")
w("drivers_probe", b"0000:01:00.0")
w("devices/0000:01:00.0/vendor", b"1")
w("devices/0000:01:00.0/remove", b"x")
try: os.open("/sys/bus/pci/drivers/vfio-pci/bind", os.O_RDONLY)
except OSError as e: print(errno.errorcode[e.errno])
`,
    ]);
    expect(stdout.split('\n')).toEqual([
      ...['ENODEV', 'ENODEV', 'ENODEV', 'EINVAL', '10', 'EEXIST', 'EBUSY', '13', 'ENODEV', '12'],
      ...['EACCES', 'EINVAL', 'EACCES', ''],
    ]);
  });
});

describe('clients of PCI', () => {
  test.skipIf(missing('lspci'))(
    'lspci shows the functions of the machine, their BARs, capabilities and drivers',
    () => {
      const { stdout, status } = sh('lspci -nnkvv');
      expect(status).toBe(0);
      expect(stdout).toContain('01:00.0 System peripheral [0880]: Device [1d0a:0a51] (rev 01)');
      expect(stdout).toMatch(/Region 0: Memory at e[0-9a-f]{7} \(32-bit, non-prefetchable\)/);
      expect(stdout).toContain('IOMMU group: 2');
      expect(stdout).toContain('MSI-X: Enable- Count=2 Masked-');
      expect(stdout.match(/Kernel driver in use: vfio-pci/g)?.length).toBeGreaterThanOrEqual(5);
    },
  );

  test.skipIf(missing('driverctl'))('driverctl lists devices, and moves one to another driver', () => {
    const list = sh('driverctl list-devices').stdout;
    expect(list).toContain('0000:01:00.0 vfio-pci\n');
    const { stdout } = sh('driverctl --nosave set-override 0000:01:00.0 pci-stub; driverctl list-devices');
    expect(stdout).toContain('0000:01:00.0 pci-stub [*]\n');
  });

  test.skipIf(missing('udevadm'))('udevadm info knows a device by its path', () => {
    const { stdout, status } = sh(`udevadm info ${D}`);
    expect(status).toBe(0);
    expect(stdout).toContain('P: /devices/pci0000:01/0000:01:00.0\n');
    expect(stdout).toContain('E: DRIVER=vfio-pci\n');
  });

  test.skipIf(missing('dpdk-devbind.py'))('dpdk-devbind.py shows the state of devices', () => {
    expect(sh('dpdk-devbind.py -s')).toMatchObject({ status: 0, stdout: expect.stringContaining('devices') });
  });
});

test('machine list tells how each device is reached, and exec -v says the same', () => {
  const list: { name: string; address: string; driver: string; group: number; file: string | null }[] = JSON.parse(
    run(['machine', 'list', '--json']).stdout,
  );
  expect(list.find(({ name }) => name === 'vfio1')).toMatchObject({
    ...{ address: '0000:01:00.0', driver: 'vfio-pci', group: 2, groupFile: '/dev/vfio/2' },
    file: '/dev/vfio/devices/vfio1',
  });
  for (const { name, file } of list) if (!name.startsWith('vfio')) expect(file).toBeNull();
  const { stderr } = run(['exec', '-v', '--', 'true']);
  expect(stderr).toContain(run(['machine', 'list']).stdout.split('\n')[1]);
});
