#!/usr/bin/env bash
# released.sh COMMIT TAG DIR: build the images of an earlier version as archives in
# DIR/images, and unpack its source, with its chart, into DIR/src. A clone without that
# commit gets an empty DIR; the tests that need it say so.
set -euo pipefail
commit=$1 tag=$2 dir=$(realpath -m "$3")
cd "$(dirname "$0")/.."
if [ "$(cat "$dir/commit" 2>/dev/null || true)" = "$commit" ]; then exit; fi
rm -rf "$dir"
mkdir -p "$dir/src"
if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
  echo "no commit $commit in this clone: its images are not built" >&2
  rmdir "$dir/src"
  exit
fi
git archive "$commit" | tar -x -C "$dir/src"
go run -C "$dir/src/tools" ./images -o "$dir/images" -tag "$tag" -revision "$commit" marketplace recommendations
echo "$commit" >"$dir/commit"
