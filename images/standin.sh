#!/bin/sh
# Makes a base image from Debian's packages and gives it the name of the real one: images/standin.sh NAME
# For building and testing where no registry can be reached. It holds Debian's own Python 3.11, so images that are made
# on it are not those to be shipped.
set -eu
name=$1
suite=${name##*-}
if buildah images --storage-driver vfs --quiet "$name" 2>/dev/null | grep -q .; then exit 0; fi
echo "STAND-IN: $name is made by debootstrap from Debian $suite, as no registry is used."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv "$suite" "$folder/root" \
    "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" > "$folder/log" || { tail "$folder/log" >&2; exit 1; }
ln -s python3 "$folder/root/usr/bin/python"
rm -rf "$folder/root/var/cache/apt/archives" "$folder/root/var/lib/apt/lists"
printf 'FROM scratch\nCOPY root/ /\nENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin\nLABEL cutwork.standin=debootstrap\n' > "$folder/Dockerfile"
buildah build --isolation chroot --storage-driver vfs --quiet --tag "$name" "$folder" > "$folder/log" || { tail "$folder/log" >&2; exit 1; }
