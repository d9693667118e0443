#!/usr/bin/env bash
# axe.sh VERSION FILE: download the accessibility rules that the browser test injects
# into pages. Without npm it downloads nothing, and the browser test reports that.
set -euo pipefail
version=$1 file=$2
if ! command -v npm >/dev/null; then
  echo "npm is not installed: skipping the accessibility rules"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" "axe-core@$version" >/dev/null
cp "$dir/node_modules/axe-core/axe.min.js" "$file"
