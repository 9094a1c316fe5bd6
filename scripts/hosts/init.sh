#!/bin/busybox sh
# The first process of a guest: looks what ioasid does on this kernel, tells it in lines that begin with HOST, powers off.
/bin/busybox mkdir -p /proc /sys /dev /tmp /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox --install -s /bin
mkdir -p /dev/shm && mount -t tmpfs tmpfs /dev/shm
export PATH=/bin:/ioasid/bin HOME=/root TMPDIR=/tmp
ip link set lo up

# tell NAME COMMAND...: runs it, and tells its exit status and the end of what it said.
tell() {
	name=$1
	shift
	timeout 600 "$@" >/tmp/said 2>&1 </dev/null
	status=$?
	tail -n 40 /tmp/said | sed "s/^/SAID $name: /"
	echo "HOST $name $status"
}

echo "HOST kernel $(uname -r)"
tell doctor ioasid doctor
tell exec ioasid exec -- true
if [ "$(cat /ioasid/expect)" = works ]; then
	tell story node /ioasid/tell-story.mjs
	for program in /programs/*; do tell "${program##*/}" ioasid exec -- "$program"; done
fi
echo "HOST end 0"
poweroff -f
