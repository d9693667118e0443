#!/usr/bin/env bash
# axe.sh VERSION FILE: fetch the accessibility rules that the browser test
# injects. Without npm nothing is fetched, and that test says so.
set -euo pipefail
version=$1 file=$2
if ! command -v npm >/dev/null; then
  echo "npm is missing: the accessibility rules are not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" "axe-core@$version" >/dev/null
cp "$dir/node_modules/axe-core/axe.min.js" "$file"
