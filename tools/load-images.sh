#!/usr/bin/env bash
# load-images.sh FILE.tar...: put image archives on the nodes of the cluster: by
# $E2E_LOAD_IMAGE FILE if set, else by a neighbouring cluster's own script, else
# by kind.
set -euo pipefail

for file; do
  if [ -n "${E2E_LOAD_IMAGE:-}" ]; then
    "$E2E_LOAD_IMAGE" "$file"
  elif [ -x ../shared/cluster/load-image ]; then
    ../shared/cluster/load-image "$file"
  else
    kind load image-archive "$file" --name "${KIND_CLUSTER:-bookstall}"
  fi
done
