#!/usr/bin/env bash
# Run the tests and close with a line of counts. In CI a test that is skipped for
# want of something that can be installed fails.
set -uo pipefail

# SQLite is C, translated to Go, and its memory is none of Go's: the race detector sees
# nothing there, and makes it three times slower.
race=(-race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false)
if ! command -v gcc >/dev/null && ! command -v cc >/dev/null; then
  echo "no C compiler: running without the race detector"
  race=()
  [ "${CI:-}" = true ] && exit 1
fi

# The programs that tests start as processes, built once for all packages.
BOOKSTALL_TEST_BIN=$PWD/.run/test-bin
export BOOKSTALL_TEST_BIN
mkdir -p "$BOOKSTALL_TEST_BIN"
go build -o "$BOOKSTALL_TEST_BIN/" ./marketplace ./recommendations || exit 1
json=.run/test.json
"$BIN/gotestsum" --format pkgname --hide-summary=skipped --jsonfile "$json" -- "${race[@]}" -shuffle=on -count=1 -timeout=8m "$@"
code=$?

# count ACTION: how many tests (not packages) ended so.
count() { grep "\"Action\":\"$1\"" "$json" | grep -c '"Test":'; }
passed=$(count pass) failed=$(count fail) skipped=$(count skip)
if [ "$skipped" -gt 0 ]; then
  echo "skipped, and why:"
  grep -oE 'SKIP \(counted\): [^"\\]*' "$json" | sort | uniq -c
  # Real ratings are not part of the project and not to be had everywhere; all
  # else can be installed.
  optional=$(grep -c 'SKIP (counted): optional data' "$json")
  if [ "${CI:-}" = true ] && [ "$skipped" -gt "$optional" ]; then
    echo "a skipped test fails in CI"
    code=1
  fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit $code
