#!/bin/sh
# Build Linux 7.2's VFIO and iommufd selftests from Debian packages, unmodified.
#   build-selftests.sh OUTDIR [WORKDIR]
# Needs: apt-get, dpkg-deb, tar, xz, gcc (any >= 10), libc6-dev. No root, no kernel build, nothing installed.
# Result: OUTDIR/{iommufd,iommufd_fail_nth,vfio_*_test,orun}, OUTDIR/VERSION; all but libc linked statically.
# The package source is the machine's own Debian mirror (first Debian entry of the apt lists) with the suite
# replaced; override with MIRROR=..., SUITE=... (kernel suite) or TARBALL=... (a linux-source-*.tar.xz).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build-selftests.sh OUTDIR [WORKDIR]}
mkdir -p "$out"; out=$(cd "$out" && pwd)
if [ -n "${2:-}" ]; then work=$2; keep=1; else work=$(mktemp -d); keep=0; fi
mkdir -p "$work"; work=$(cd "$work" && pwd)
[ "$keep" = 1 ] || trap 'rm -rf "$work"' EXIT
suite=${SUITE:-sid}
. /etc/os-release
local_suite=${VERSION_CODENAME:?}
arch=$(dpkg --print-architecture)
[ "$arch" = amd64 ] || { echo "amd64 only (the ioat and dsa drivers are built on x86-64 only)" >&2; exit 1; }

# 1. Where packages come from: a private apt state, so that nothing of the machine's own configuration changes.
mirror=${MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
  sed -n -e 's/^URIs:[ ]*\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' |
  grep '/debian/*$' | head -n 1)}
[ -n "$mirror" ] || { echo "no Debian mirror found; set MIRROR" >&2; exit 1; }
apt=$work/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/sources.d" "$apt/prefs.d" "$work/deb"
cat > "$apt/sources.d/s.sources" <<END
Types: deb
URIs: $mirror
Suites: $suite $local_suite
Components: main
Signed-By: $(ls /usr/share/keyrings/debian-archive-*-automatic.gpg /usr/share/keyrings/debian-archive-*-stable.gpg | grep -v removed | tr '\n' ' ')
END
# one keyring file only is understood by old apt: concatenate
cat /usr/share/keyrings/debian-archive-*-automatic.gpg /usr/share/keyrings/debian-archive-*-stable.gpg > "$apt/keys.gpg"
sed -i "s#^Signed-By:.*#Signed-By: $apt/keys.gpg#" "$apt/sources.d/s.sources"
cat > "$apt/apt.conf" <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt/sources.d";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$apt/prefs.d";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
END
[ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";' >> "$apt/apt.conf"
export APT_CONFIG="$apt/apt.conf"
apt-get update -qq
cd "$work/deb"
fetch() { # package suite
  ls "$1"_*.deb >/dev/null 2>&1 || apt-get download -qq "$1/$2"
}
fetch linux-libc-dev "$suite"
fetch libcap-dev "$local_suite"
fetch uuid-dev "$local_suite"
if [ -z "${TARBALL:-}" ]; then
  src=$(apt-cache search --names-only '^linux-source-[0-9.]+$' | sed 's/ .*//' | sort -V | tail -n 1)
  src=${SOURCE_PACKAGE:-$src}
  fetch "$src" "$suite"
fi
cd "$work"
rm -rf hdr k; mkdir -p hdr k
for p in linux-libc-dev libcap-dev uuid-dev; do dpkg-deb -x deb/${p}_*.deb hdr; done

# 2. Only the needed parts of the kernel tree (about 25 MB of 1.6 GB).
unpack() {
  xz -dc -T0 | tar -x -C k --strip-components=1 --wildcards --no-wildcards-match-slash \
    '*/tools/testing/selftests/kselftest*' '*/tools/testing/selftests/lib*' \
    '*/tools/testing/selftests/vfio' '*/tools/testing/selftests/iommu' \
    '*/tools/include' '*/tools/arch/x86' '*/include/linux/pci_ids.h' '*/Makefile' \
    '*/drivers/iommu/iommufd' '*/drivers/vfio' '*/drivers/dma/ioat' '*/drivers/dma/idxd' '*/include/uapi'
}
if [ -n "${TARBALL:-}" ]; then unpack < "$TARBALL"
else
  dpkg-deb --fsys-tarfile deb/${src}_*.deb | tar -xO --wildcards '*/linux-source-*.tar.xz' | unpack
fi
version=$(sed -n -e 's/^VERSION = //p' -e 's/^PATCHLEVEL = //p' -e 's/^SUBLEVEL = //p' k/Makefile | paste -sd.)

# 3. One gcc line each.
S=k/tools/testing/selftests
H="-isystem hdr/usr/include -isystem hdr/usr/include/x86_64-linux-gnu"
C="${CC:-gcc} -std=gnu11 -D_GNU_SOURCE= -O2 -g $H -I$S"
LIB=hdr/usr/lib/x86_64-linux-gnu
for t in iommufd iommufd_fail_nth; do
  $C -Wno-unused-function -o "$out/$t" $S/iommu/$t.c $LIB/libcap.a
done
# 7.2.13's libvfio calls a helper that no header of that tree defines (a partial backport); give it on the
# command line where it is missing. The sources stay as they are.
X=
grep -rq 'define calloc_assert\|calloc_assert(size_t' k/tools || X='-Dcalloc_assert(n,s)=calloc(n,s)'
V=$S/vfio
for f in $V/vfio_*_test.c; do
  t=$(basename "$f" .c)
  $C ${X:+"$X"} -I$V/lib/include -Ik/tools/include -o "$out/$t" "$f" \
    $V/lib/*.c $V/lib/drivers/ioat/ioat.c $V/lib/drivers/dsa/dsa.c -pthread $LIB/libuuid.a
done
$C -Wno-format-truncation -Wno-misleading-indentation -Ik/drivers/iommu/iommufd -o "$out/orun" "$here/orun.c"
cp $V/scripts/*.sh "$out/"
echo "$version" > "$out/VERSION"
ls -l "$out"
