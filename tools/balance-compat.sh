#!/usr/bin/env bash
# Build and test package balance with the newest patch of each of the last four minor
# versions of grpc-go, in modules of their own, and print a table.
set -uo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
versions=$(go list -m -versions google.golang.org/grpc | tr ' ' '\n' | grep -E '^v1\.[0-9]+\.[0-9]+$' |
  sort -V | awk -F. '{ newest[$2] = $0; if (!($2 in seen)) order[++n] = $2; seen[$2] = 1 } END { for (i = n < 4 ? 1 : n - 3; i <= n; i++) print newest[order[i]] }')
[ -n "$versions" ] || exit 1

code=0
echo "| grpc-go | go vet | go test |"
echo "|---|---|---|"
for version in $versions; do
  module=$dir/$version
  mkdir "$module"
  cp -r balance "$module/"
  # The module has the name of ours, so that import paths stay as they are.
  log=$module/log
  vet=pass tests=pass
  (cd "$module" && go mod init bookstall && go get "google.golang.org/grpc@$version" && go mod tidy) >"$log" 2>&1 || vet=FAIL
  got=$(cd "$module" && go list -m -f '{{.Version}}' google.golang.org/grpc)
  [ "$got" = "$version" ] || { vet=FAIL; echo "go mod tidy chose $got" >>"$log"; }
  (cd "$module" && go vet ./...) >>"$log" 2>&1 || vet=FAIL
  (cd "$module" && go test -count=1 ./...) >>"$log" 2>&1 || tests=FAIL
  echo "| $version | $vet | $tests |"
  [ "$vet$tests" = passpass ] || { code=1; cat "$log" >&2; }
done
exit $code
