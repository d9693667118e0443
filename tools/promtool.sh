#!/usr/bin/env bash
# promtool.sh FILE: copy promtool, or prometheus if FILE is called so, to FILE. It is
# $PROMTOOL or $PROMETHEUS if set, otherwise that of Debian's package prometheus, which is
# unpacked but not installed, so that no server starts here.
set -euo pipefail
name=$(basename "$1")
variable=$(tr a-z A-Z <<<"$name")
program=${!variable:-}
if [ -z "$program" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "no apt-get: set $variable to the path of $name, for example from the project's releases" >&2
    exit 1
  fi
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  "$(dirname "$0")"/unpack.sh prometheus "$dir"
  program=$dir/usr/bin/$name
fi
cp "$program" "$1.new"
mv "$1.new" "$1" # the old one may be running
