#!/usr/bin/env bash
# bench-compare.sh REF: run the micro-benchmarks of the hot path as they are at REF and as they
# are in this tree, in turn, and compare them by benchstat. A benchmark that REF does not have is
# not compared. PACKAGES, BENCH, ROUNDS and BENCHTIME choose others.
set -euo pipefail
cd "$(dirname "$0")/.."
ref=${1:-}
packages=${PACKAGES:-./internal/rpc ./recommendations/internal/server ./recommendations/internal/engine ./marketplace/internal/web ./marketplace/internal/web/page}
bench=${BENCH:-^Benchmark(Call|Recommend|Rank|AFreeSlot|Front|FrontPage|Shelf|Answers)$}
rounds=${ROUNDS:-6} # benchstat needs six for an interval of 95 %
benchtime=${BENCHTIME:-300ms}
git rev-parse --quiet --verify "$ref^{commit}" >/dev/null || {
  echo "bench-compare: '$ref' is not a commit; name the one to compare with: make bench-compare REF=REVISION" >&2
  exit 2
}

dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/then" 2>/dev/null; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/then" "$ref"
ln -s "$PWD" "$dir/now"
compared=()
for package in $packages; do
  program=${package#./} && program=${program//\//-}
  for tree in then now; do
    [ -d "$dir/$tree/$package" ] && go test -C "$dir/$tree" -c -o "$dir/$program.$tree" "$package" || continue 2
  done
  compared+=("$package")
done
for round in $(seq "$rounds"); do
  for package in "${compared[@]}"; do
    program=${package#./} && program=${program//\//-}
    # The two change places from round to round, so that neither always follows the other.
    for tree in $([ $((round % 2)) = 1 ] && echo then now || echo now then); do
      (cd "$dir/$tree/$package" && "$dir/$program.$tree" -test.run='^$' -test.cpu=1 -test.benchmem -test.bench="$bench" -test.benchtime="$benchtime") >>"$dir/$tree.txt"
    done
  done
done
echo "each benchmark $rounds times at $(git rev-parse --short "$ref") and now, in turn; 'vs base' is the ratio less 100 %"
"${BIN:-.tools/bin}/benchstat" "then=$dir/then.txt" "now=$dir/now.txt"
