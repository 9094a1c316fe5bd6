import { expect, test } from 'vitest';
import { kernelAtLeast, requireKernel } from './kernel-version.js';

test.each(['4.19.0', '5.10.0-32-cloud-amd64', '5.13.19', '5.9-rc1'])(
  'Linux %s is refused, and told what it lacks',
  (version) => {
    expect(() => requireKernel(version)).toThrow(
      `exec needs Linux 5.14 or newer, this is ${version}, which cannot answer a call with a descriptor in one step (SECCOMP_ADDFD_FLAG_SEND); 'ioasid doctor' tells more: Linux`,
    );
  },
);

test.each(['5.14.0-427.el9.x86_64', '5.14-rc1', '6.1.0-50-cloud-amd64', '7.2.13+deb14-cloud-amd64'])(
  'Linux %s will do',
  (version) => {
    expect(() => requireKernel(version)).not.toThrow();
  },
);

test('versions are compared number by number', () => {
  expect(kernelAtLeast(6, 6, '6.12.117+deb13')).toBe(true);
  expect(kernelAtLeast(6, 6, '6.5.9')).toBe(false);
  expect(kernelAtLeast(6, 6, '7.0.0')).toBe(true);
});
