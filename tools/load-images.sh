#!/usr/bin/env bash
# load-images.sh FILE.tar...: load image archives into the nodes of the cluster, with
# $E2E_LOAD_IMAGE FILE if that is set, otherwise with the script of a cluster in a
# neighbouring folder, otherwise with kind.
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
