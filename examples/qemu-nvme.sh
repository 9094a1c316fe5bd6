#!/bin/sh
# Boots a Debian kernel under QEMU (TCG, no /dev/kvm needed) with a virtual NVMe controller passed through by vfio-pci. The
# guest writes to the disk, reads back, compares, prints its interrupts and powers off. Exit status 0: all was well.
#
# usage: examples/qemu-nvme.sh [legacy|iommufd|emulated] [VMLINUZ]
#
# EXEC_FLAGS='--sanitize dma' and the like are flags for `ioasid exec`.
# 'emulated' is for comparison: the same guest on the NVMe controller that QEMU has itself, without ioasid.
#
# Needs qemu-system-x86_64 (10.0 or newer for iommufd; QEMU=... names another), busybox-static, and a kernel with NVMe built
# in: without VMLINUZ the newest linux-image-6.1*-cloud-amd64 of Debian is fetched with apt-get and unpacked, not installed.
set -eu
mode=${1:-legacy}
kernel=${2:-}
qemu=${QEMU:-qemu-system-x86_64}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$kernel" ]; then
	package=$(apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-cloud-amd64$' | sort -V | tail -n 1)
	[ -n "$package" ] || { echo "apt-cache knows no linux-image-6.1.0-*-cloud-amd64: name a kernel" >&2; exit 2; }
	(cd "$work" && apt-get download -q "${package%% *}" >/dev/null && dpkg-deb -x ./*.deb unpacked)
	kernel=$(echo "$work"/unpacked/boot/vmlinuz-*)
fi

tree=$work/tree
mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp"
cp "$(command -v busybox)" "$tree/bin/busybox"
cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
n=0
while [ ! -b /dev/nvme0n1 ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done
dd if=/dev/urandom of=/tmp/a bs=64k count=8 2>/dev/null
dd if=/tmp/a of=/dev/nvme0n1 bs=64k oflag=direct conv=fsync 2>/dev/null
echo 3 >/proc/sys/vm/drop_caches
dd if=/dev/nvme0n1 of=/tmp/b bs=64k count=8 iflag=direct 2>/dev/null
cmp /tmp/a /tmp/b && echo "NVME-GUEST-OK $(cat /sys/block/nvme0n1/size) sectors"
grep nvme /proc/interrupts
poweroff -f
INIT
chmod +x "$tree/init"
(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd"

case $mode in
legacy) device="-device vfio-pci,host=0000:07:00.0" ;;
iommufd) device="-object iommufd,id=iommufd0 -device vfio-pci,host=0000:07:00.0,iommufd=iommufd0" ;;
emulated)
	truncate -s 64M "$work/disk"
	device="-drive if=none,id=disk,format=raw,file=$work/disk -device nvme,serial=emulated,drive=disk"
	;;
*) echo "$mode: legacy, iommufd or emulated" >&2; exit 2 ;;
esac

# shellcheck disable=SC2086
set -- "$root/bin/ioasid" exec ${EXEC_FLAGS:-} --
[ "$mode" != emulated ] || set --
# shellcheck disable=SC2086
timeout 120 "$@" "$qemu" -accel tcg -m 512 -nodefaults -nographic -serial stdio -no-reboot \
	-kernel "$kernel" -initrd "$work/initrd" -append "console=ttyS0 panic=-1 quiet" $device | tee "$work/log"
grep -q NVME-GUEST-OK "$work/log"
