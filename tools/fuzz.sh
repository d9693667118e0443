#!/usr/bin/env bash
# Run each fuzz target for FUZZTIME (default 60s), one after another; with FUZZ only those
# whose names match. Arguments are passed to go test. An input that fails is written to
# testdata/fuzz of the package, where it is a test from then on. Minimizing inputs is
# bounded, because it would take most of the time.
set -uo pipefail

# targets prints package and name of all fuzz targets that need no build tags.
targets() {
  go list -f '{{range .TestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
    while read -r package file; do
      [ -z "$package" ] || sed -nE "s|^func (Fuzz[A-Za-z0-9_]+)\(.*|$package \1|p" "$file"
    done | grep -E " .*${FUZZ:-}"
}

list=$(targets) || { echo "no fuzz target matches ${FUZZ:-}"; exit 1; }
passed=0 failed=0
while read -r package target; do
  if output=$(go test -run='^$' -fuzz="^$target\$" -fuzztime="${FUZZTIME:-60s}" -fuzzminimizetime=10x "$@" "$package" 2>&1 </dev/null) &&
    ! grep -q 'no fuzz tests to fuzz' <<<"$output"; then
    result=pass passed=$((passed + 1))
  else
    result=FAIL failed=$((failed + 1))
  fi
  # Without executions, the seed corpus took all of the time.
  figures=$(grep -oE 'execs: [0-9]+ .*' <<<"$output" | tail -1 | sed -E 's|execs: ([0-9]+) .*new interesting: ([0-9]+).*|\1 executions, \2 new interesting|')
  echo "$package $target: ${figures:-0 executions, 0 new interesting}, $result"
  [ "$result" = pass ] || grep -v '^fuzz: elapsed' <<<"$output"
done <<<"$list"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
