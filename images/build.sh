#!/bin/sh
# Builds cutwork-api and cutwork-worker with docker, podman or buildah, whichever is there: images/build.sh [TAG]
#
#   BUILDER=podman  chooses one
#   PREFIX=registry.example.com/team/  goes before the names
#   STANDIN=1       makes the base from Debian's packages, for where no registry can be reached (images/standin.sh)
set -eu
cd "$(dirname "$0")/.."
tag=${1:-$(sed -n 's/^appVersion: *//p' helm/Chart.yaml)}

usable() {
    case $1 in
    buildah) command -v buildah ;;
    *) command -v "$1" && "$1" info ;;
    esac >/dev/null 2>&1
}

if [ -z "${BUILDER:-}" ]; then
    for BUILDER in docker podman buildah none; do usable "$BUILDER" && break; done
fi
if [ "$BUILDER" = none ]; then
    echo "There is no docker, podman or buildah that can be used. On Debian: apt install --no-install-recommends buildah" >&2
    exit 1
fi

secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT
# What pip is told on this machine, wherever it is told: the build reaches what this machine reaches.
python3 images/pip_settings.py > "$secrets/pip.conf"
set -- --secret "id=pip,src=$secrets/pip.conf"
for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    if [ -n "$bundle" ] && [ -r "$bundle" ]; then
        set -- "$@" --secret "id=certificates,src=$bundle"
        break
    fi
done
revision=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
set -- "$@" --build-arg "VERSION=$tag" --build-arg "REVISION=$revision"

case $BUILDER in
# Without root's privileges over namespaces, as in a container, this is what works; each layer is a copy of all below it.
buildah) build="buildah build --isolation chroot --storage-driver vfs --format docker --layers=false" ;;
podman) build="podman build --format docker" ;;
docker) build="docker build" ;;
*) build="$BUILDER build" ;;
esac
if [ -n "${STANDIN:-}" ]; then
    if [ "$BUILDER" != buildah ]; then echo "STANDIN=1 needs BUILDER=buildah." >&2; exit 1; fi
    images/standin.sh "$(sed -n 's/^FROM \([^ ]*\)$/\1/p' Dockerfile.api)"
    build="$build --pull-never"
fi
for part in api worker; do
    [ "$part" = worker ] && [ -n "${EXTRAS:-}" ] && set -- "$@" --build-arg "EXTRAS=$EXTRAS"
    echo "Building ${PREFIX:-}cutwork-$part:$tag with $BUILDER …"
    $build "$@" --file "Dockerfile.$part" --tag "${PREFIX:-}cutwork-$part:$tag" .
done
