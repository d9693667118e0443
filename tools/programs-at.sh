#!/usr/bin/env bash
# programs-at.sh COMMIT DIR: build the programs of an earlier version into DIR, as the
# Makefile of that version does. A clone without that commit gets an empty DIR.
set -euo pipefail
commit=$1 dir=$(realpath -m "$2")
cd "$(dirname "$0")/.."
if [ "$(cat "$dir/commit" 2>/dev/null || true)" = "$commit" ]; then exit; fi
rm -rf "$dir"
mkdir -p "$dir"
if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
  echo "no commit $commit in this clone: its programs are not built" >&2
  exit
fi
src=$(mktemp -d)
trap 'rm -rf "$src"' EXIT
git archive "$commit" | tar -x -C "$src"
env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -C "$src" build
mv "$src"/bin/* "$dir/"
echo "$commit" >"$dir/commit"
