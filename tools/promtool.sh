#!/usr/bin/env bash
# promtool.sh FILE: copy promtool to FILE. It is $PROMTOOL if set, otherwise that of Debian's
# package prometheus, which is unpacked but not installed, so that no server starts here.
set -euo pipefail
program=${PROMTOOL:-}
if [ -z "$program" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get: set PROMTOOL to the path of promtool, for example from the project's releases" >&2
    exit 1
  fi
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  "$(dirname "$0")"/unpack.sh prometheus "$dir"
  program=$dir/usr/bin/promtool
fi
cp "$program" "$1"
