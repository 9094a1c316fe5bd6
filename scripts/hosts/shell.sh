# What a shell does under exec in a guest: it goes into virtual directories, and learns that a write was refused.
bind=/sys/bus/pci/drivers/vfio-pci/bind
device=/sys/bus/pci/devices/0000:01:00.0

cd /dev/vfio/devices || exit 1
[ "$(/bin/pwd)" = /dev/vfio/devices ] && [ "$(ls vfio0)" = vfio0 ] || exit 2
cd / && [ "$(/bin/pwd)" = / ] || exit 3
echo 0000:ff:00.0 >$bind && exit 4
/bin/busybox echo 0000:ff:00.0 >$bind && exit 5
printf vfio-pci >$device/driver_override || exit 6
[ "$(cat $device/driver_override)" = vfio-pci ] || exit 7
grep -q '^TracerPid:.0$' /proc/$$/status || exit 8
exit 0
