#!/usr/bin/env bash
# prometheus.sh FILE.tar TAG: build an image of Prometheus for the tests on a cluster. The
# program is $PROMETHEUS if set, otherwise that of Debian's package, which is unpacked
# but not installed, so that no server starts here.
set -euo pipefail
file=$(realpath -m "$1") tag=$2
program=${PROMETHEUS:-}
if [ -z "$program" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get: set PROMETHEUS to the path of a Prometheus for Linux, for example from the project's releases" >&2
    exit 1
  fi
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  "$(dirname "$0")"/unpack.sh prometheus "$dir"
  program=$dir/usr/bin/prometheus
fi
mkdir -p "$(dirname "$file")"
go run -C "$(dirname "$0")" ./pack -o "$file" -tag "$tag" "$(realpath "$program")"
echo "$tag  $("$program" --version 2>&1 | sed -n '1s/ (.*//p')  $file"
