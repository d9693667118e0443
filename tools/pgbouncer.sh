#!/usr/bin/env bash
# pgbouncer.sh FILE.tar TAG: build an image of Debian's PgBouncer, for tests on a cluster. If it
# is missing, its package is downloaded and unpacked, but not installed.
set -euo pipefail
file=$(realpath -m "$1") tag=$2
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/root" "$dir/debs"

root=/
if [ ! -x /usr/sbin/pgbouncer ]; then
  # With its own cache folder, --download-only changes nothing on this machine.
  fetch() {
    apt-get install -y -qq --download-only --no-install-recommends -o Debug::NoLocking=true -o APT::Sandbox::User=root \
      -o Dir::Cache="$dir" -o Dir::Cache::archives="$dir/debs" pgbouncer >/dev/null
  }
  fetch 2>/dev/null || { apt-get update -qq && fetch; }
  for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
  root=$dir/root
fi
mkdir -p "$(dirname "$file")"
go run ./pack -o "$file" -tag "$tag" -root "$root" "${root%/}/usr/sbin/pgbouncer"
echo "$tag  $(du -h "$file" | cut -f1)  $file"
