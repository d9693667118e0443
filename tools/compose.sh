#!/usr/bin/env bash
# compose.sh VERSION FILE: build Docker Compose as FILE. `go install` refuses to, because
# of directives in its go.mod, so this builds it in the module cache, with the module
# versions that its authors chose.
set -euo pipefail
module=github.com/docker/compose/${1%%.*}
file=$(realpath -m "$2")
dir=$(go mod download -json "$module@$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
CGO_ENABLED=0 GOWORK=off go build -C "$dir" -mod=readonly -trimpath \
  -ldflags="-s -w -X $module/internal.Version=$1" -o "$file" ./cmd
