/** Commands that give this host what a check misses, for a shell. */
import { existsSync, readFileSync } from 'node:fs';

const sudo = process.getuid?.() === 0 ? '' : 'sudo ';

/** Sets a variable of the kernel, now and after each start. */
export function sysctl(name: string, value: number): string[] {
  return [
    `${sudo}sysctl -w ${name}=${value}`,
    `echo '${name} = ${value}' | ${sudo}tee -a /etc/sysctl.d/60-ioasid.conf`,
  ];
}

const MANAGERS = {
  apt: 'apt-get install -y',
  dnf: 'dnf install -y',
  apk: 'apk add',
  pacman: 'pacman -S --noconfirm',
  zypper: 'zypper install -y',
} as const;
const PROGRAMS: Readonly<Record<keyof typeof MANAGERS, string>> = {
  apt: '/usr/bin/apt-get',
  dnf: '/usr/bin/dnf',
  apk: '/sbin/apk',
  pacman: '/usr/bin/pacman',
  zypper: '/usr/bin/zypper',
};

/** Installs packages with the package manager that is here. @param packages their names, by package manager */
export function install(packages: Readonly<Record<keyof typeof MANAGERS, string>>): string[] {
  const found = (Object.keys(MANAGERS) as (keyof typeof MANAGERS)[]).filter((name) => existsSync(PROGRAMS[name]));
  return found.slice(0, 1).map((name) => `${sudo}${MANAGERS[name]} ${packages[name]}`);
}

/** Starts the container that this is with what its profile keeps from us; empty outside of containers. */
export function inContainer(): string[] {
  if (existsSync('/run/.containerenv'))
    return ['podman run --security-opt seccomp=unconfined --cap-add SYS_PTRACE IMAGE …'];
  if (existsSync('/.dockerenv') || /docker|containerd/.test(cgroup()))
    return ['docker run --security-opt seccomp=unconfined --cap-add SYS_PTRACE IMAGE …'];
  return [];
}

function cgroup(): string {
  try {
    return readFileSync('/proc/1/cgroup', 'latin1');
  } catch {
    return '';
  }
}
