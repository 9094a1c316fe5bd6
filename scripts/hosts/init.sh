#!/bin/busybox sh
# The first process of a guest: looks what ioasid does on this kernel, tells it in lines that begin with HOST, powers off.
# What the kernel's command line sets is in the environment: EXPECT=refused|works, LIMIT (seconds a check), ONLY (patterns with commas between).
/bin/busybox mkdir -p /proc /sys /dev /tmp /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev 2>/dev/null
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox --install -s /bin
mkdir -p /dev/shm /dev/pts && mount -t tmpfs tmpfs /dev/shm && mount -t devpts devpts /dev/pts
export PATH=/bin:/ioasid/bin HOME=/root TMPDIR=/tmp
ip link set lo up

# wanted NAME: whether a pattern of ONLY matches it.
wanted() (
	set -f
	IFS=,
	for pattern in $ONLY; do
		case $1 in
		$pattern) exit 0 ;;
		esac
	done
	exit 1
)

# tell NAME COMMAND...: runs it, and tells its exit status, the seconds, and the end of what it said.
tell() {
	name=$1
	shift
	wanted "$name" || return
	echo "HOST begin $name"
	begin=$(date +%s)
	timeout "$LIMIT" "$@" >/tmp/said 2>&1 </dev/null
	status=$?
	seconds=$(($(date +%s) - begin))
	tail -n 40 /tmp/said | sed "s/^/SAID $name: /"
	echo "HOST end $name $status $seconds"
}

echo "HOST kernel $(uname -r)"
tell exec ioasid exec -- true
tell doctor ioasid doctor
if [ "$EXPECT" = works ]; then
	mkdir /tmp/paths
	tell shell ioasid exec -- sh /programs/shell.sh
	tell story node /ioasid/tell-story.mjs
	while read -r name arguments; do
		# The flags of a check are words.
		tell "$name" ioasid exec $arguments
	done </programs/list
fi
echo "HOST over"
poweroff -f
