#!/usr/bin/env bash
# Run the tests and close with a line of counts. In CI a test that is skipped for
# want of something that can be installed fails.
set -uo pipefail

# SQLite is C, translated to Go, and its memory is none of Go's: the race detector sees
# nothing there, and makes it three times slower.
flags=(-race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false)
if ! command -v gcc >/dev/null && ! command -v cc >/dev/null; then
  echo "no C compiler: running without the race detector"
  flags=()
  [ "${CI:-}" = true ] && exit 1
fi

# The programs that tests start as processes, built once for all packages.
BOOKSTALL_TEST_BIN=$PWD/.run/test-bin
export BOOKSTALL_TEST_BIN
mkdir -p "$BOOKSTALL_TEST_BIN"
go build -o "$BOOKSTALL_TEST_BIN/" ./marketplace ./recommendations || exit 1

# shellcheck disable=SC2206 # several patterns
packages=($PACKAGES)

# Two kinds of tests run without the race detector. Those named TestFiguresOf compute for
# long what others compute from less: figures of the model from real ratings. It makes them
# ten times slower; the engine's tests run the same code with it. Those named
# TestAllocationsOf count allocations, and it empties pools at random. With -run= all that
# matches runs with it.
plain='^Test(FiguresOf|AllocationsOf)'
unraced=()
case " $* " in
  *" -run"* | *" --run"*) ;;
  *)
    while read -r package folder; do
      ! grep -qsE "${plain/^/^func }" "$folder"/*_test.go || unraced+=("$package")
    done < <(go list -f '{{.ImportPath}} {{.Dir}}' "${packages[@]}")
    ;;
esac
[ ${#unraced[@]} -eq 0 ] || flags+=("-skip=$plain")

# The packages that take longest begin, so that none of them runs alone at the end. That of
# the bounds in seconds of docs/conformance.md does: other tests would make it late.
alone=()
if [ "$PACKAGES" = ./... ]; then
  all=$(go list ./...) || exit 1
  packages=(./marketplace ./internal/test/chart ./recommendations/internal/store ./internal/rpc ./internal/lab/soak
    ./internal/test/system ./internal/test/adopt $(grep -v '/internal/test/conformance$' <<<"$all"))
  alone=(./internal/test/conformance)
fi
# Most tests wait more than they compute: on few cores, one package more than those.
cores=$(getconf _NPROCESSORS_ONLN)
[ "$cores" -gt 4 ] || flags+=("-p=$((cores + 1))")

json=.run/test.json
# run FLAG...: run tests and add their events to the file.
run() {
  "$BIN/gotestsum" --format pkgname --hide-summary=skipped --jsonfile "$json.part" -- -shuffle=on -count=1 -timeout=8m "$@" || code=1
  cat "$json.part" >>"$json"
}
code=0
: >"$json"
run "${flags[@]}" "$@" "${packages[@]}"
[ ${#alone[@]} -eq 0 ] || run "${flags[@]}" "$@" "${alone[@]}"
[ ${#unraced[@]} -eq 0 ] || run "-run=$plain" "$@" "${unraced[@]}"

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
