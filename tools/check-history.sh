#!/usr/bin/env bash
# check-history.sh BASE: check that every commit after BASE builds by itself, with
# its tests and under every build tag. A history that builds can be bisected.
# Merge commits are left out. Uncommitted changes are not looked at.
set -euo pipefail

base=$1
git rev-parse --quiet --verify "$base^{commit}" >/dev/null || {
  echo "check-history: $base is not a commit; name the one to start after: make check-history BASE=REVISION" >&2
  exit 2
}

# The compiler forgets the folder, so what one commit compiled serves the next.
export GOFLAGS="${GOFLAGS:-} -trimpath"
tree=$(mktemp -d)
trap 'git worktree remove --force "$tree" 2>/dev/null; rm -rf "$tree"' EXIT
git worktree add --quiet --detach "$tree" "$base"

passed=0 failed=0
while read -r commit; do
  git -C "$tree" checkout --quiet --detach "$commit"
  if output=$(go build -C "$tree" ./... 2>&1 && go vet -C "$tree" -tags=e2e,compose,large ./... 2>&1 && go vet -C "$tree/tools" ./... 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    git log -1 --format='%h %s: does not build' "$commit"
    printf '%s\n' "$output" | head -20
  fi
done < <(git rev-list --reverse --no-merges "$base..HEAD")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
