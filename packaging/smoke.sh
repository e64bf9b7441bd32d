#!/bin/sh
# The Debian package on a Debian base that has no Python and no development packages:
#   smoke.sh PACKAGE.deb [SUITE]
# As root; needs mmdebstrap. The base is made of Debian's own packages and kept in build/package/base.tar; what is inside
# it is changed in a copy. pip in the base uses the index, proxies and certificates of this machine.
set -eu
package=$(readlink -f "$1")
suite=${2:-bookworm}
here=$(dirname "$(readlink -f "$0")")
work=$here/../build/package
base=$work/base.tar
root=$work/smoke
step() { printf '\n== %s\n' "$*"; }
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/person LANG=C.UTF-8 TERM=dumb "$@"; }
person() { inside setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/home/person "$@"; }

leave() {
    status=$?
    trap - EXIT
    for place in proc dev/pts dev/shm dev sys $(cat "$work/smoke.mounts" 2>/dev/null); do
        mountpoint -q "$root/$place" && umount -l "$root/$place"
    done
    rm -f "$work/smoke.mounts"
    [ $status -ne 0 ] || rm -rf --one-file-system "$root" # one that failed is left to look at
    exit $status
}

[ -e "$base" ] || mmdebstrap --variant=minbase "$suite" "$base"
if grep -q " $(readlink -f "$root")" /proc/mounts; then
    echo "Something is still mounted below $root: umount it first." >&2
    exit 1
fi
rm -rf --one-file-system "$root"
mkdir -p "$root"
trap leave EXIT INT TERM
tar -C "$root" -xf "$base"
: > "$work/smoke.mounts"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null && : > "$root/etc/apt/sources.list" || true
mkdir -p "$root/home/person" "$root/etc/ssl/certs" "$root/etc/xdg"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
for place in etc/xdg/pip etc/pip.conf; do [ ! -e "/$place" ] || cp -r "/$place" "$root/etc/$(echo "$place" | cut -d/ -f2-)"; done
# Indexes that lie on this machine's disk.
for place in $(python3 -m pip config list 2>/dev/null | grep -oE "/opt/[a-z-]+" | sort -u); do
    mkdir -p "$root$place" && mount --bind -o ro "$place" "$root$place" && echo "${place#/}" >> "$work/smoke.mounts"
done
python3 -m pip config list 2>/dev/null | sed -nE "s/^(:env:|global)\.(cert|find-links|extra-index-url|index-url|constraint)='(.*)'$/\2 = \3/p" | sort -u |
    sed '1i [global]' > "$root/etc/pip.conf"

step "The base: Debian $(cat "$root/etc/debian_version"), without Python and compilers"
inside sh -c 'for program in python3 python pip gcc cc make; do ! command -v $program || exit 1; done; echo "no python3, pip, gcc, make"'

step "Installing $(basename "$package")"
cp "$package" "$root/tmp/juku.deb"
inside sh -c 'apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends /tmp/juku.deb xvfb xdotool jwm wmctrl desktop-file-utils shared-mime-info >/tmp/apt.log 2>&1 || { tail -30 /tmp/apt.log; exit 1; }'
inside sh -c '! command -v python3 && ! command -v gcc && dpkg -s juku | grep -E "^(Version|Installed-Size)" && grep -h juku /usr/share/applications/mimeinfo.cache /usr/share/mime/globs2'
inside useradd -u 1000 -M -d /home/person person
inside chown -R 1000:1000 /home/person
cp "$here/smoke_inside.sh" "$root/tmp/"
person sh /tmp/smoke_inside.sh
step "Removing the package"
inside sh -c 'DEBIAN_FRONTEND=noninteractive apt-get purge -q -y juku >/dev/null && test ! -e /usr/lib/juku && echo "nothing of it is left in /usr"'
step "Passed"
