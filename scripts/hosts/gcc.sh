#!/bin/sh
# The gcc of a guest: its programs were compiled on the host, that of the story is here already.
while [ $# -gt 0 ]; do
	[ "$1" = -o ] && exec cp /programs/wbinvd "$2"
	shift
done
echo 'no gcc: programs are compiled on the host'
