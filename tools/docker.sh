#!/usr/bin/env bash
# docker.sh COMMAND...: run a command beside a Docker daemon of its own. Both live in
# namespaces that end with this script: processes, network, mounts. /run is a tmpfs
# that holds the daemon's socket, its containerd and its data, so nothing of a
# Docker or a Kubernetes on this machine is seen or touched, and nothing is left.
# The command has no network but the daemon's.
#
# Needs root on Linux. Where that or Docker is missing and cannot be installed, it
# says so; in CI that is a failure.
set -euo pipefail

prefix=bookstall-docker- # of cgroups

skip() {
  echo "SKIP (counted): $1"
  [ "${CI:-}" = true ] && exit 1
  exit 0
}

install() {
  local missing=()
  command -v dockerd >/dev/null || missing+=(docker.io)
  command -v docker-compose >/dev/null || missing+=(docker-compose)
  command -v ip >/dev/null || missing+=(iproute2)
  command -v unshare >/dev/null || missing+=(util-linux)
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || skip "not installed: ${missing[*]}"
  echo "installing ${missing[*]}"
  # The package would start a daemon that changes the host's packet filter.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made=$policy
  fi
  local code=0
  { apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } || code=$?
  [ -z "$made" ] || rm -f "$made"
  return "$code"
}

# remove_cgroups takes away the folders that a daemon of this script made: this
# one's, and those of one that was killed.
remove_cgroups() {
  local folder
  for folder in /sys/fs/cgroup/"$prefix"* /sys/fs/cgroup/*/"$prefix"*; do
    [ -d "$folder" ] || continue
    local pid=${folder##*-}
    [ "$pid" = $$ ] || [ ! -d "/proc/$pid" ] || continue
    for _ in $(seq 50); do # until the kernel has seen the last process off
      find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ ! -d "$folder" ] && break
      sleep 0.1
    done
  done
}

outside() {
  [ "$(uname -s)" = Linux ] || skip "no Linux: Docker's daemon cannot be started here"
  [ "$(id -u)" = 0 ] || skip "not root: Docker's daemon cannot be started here"
  install
  local group=$prefix$$
  # Should this script be killed, its namespaces go as well.
  setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --inside "$group" "$@" &
  local child=$!
  # With unshare its namespaces go, and all that is in them.
  trap 'kill -KILL "$child" || true; wait "$child" || true; remove_cgroups; exit 130' INT TERM HUP
  local code=0
  wait "$child" || code=$?
  remove_cgroups
  exit "$code"
}

inside() {
  local group=$1
  shift
  # A signal to the terminal reaches all; that is for the outside to act on.
  trap '' INT HUP
  ip link set lo up
  mount -t tmpfs -o mode=0755 tmpfs /run
  mkdir /run/data /run/client
  echo '{}' >/run/daemon.json
  unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY DOCKER_HOST DOCKER_CONTEXT
  export DOCKER_CONFIG=/run/client DOCKER_HOST=unix:///run/docker.sock
  dockerd --config-file=/run/daemon.json --host="$DOCKER_HOST" --data-root=/run/data --exec-root=/run/exec --pidfile=/run/docker.pid \
    --cgroup-parent="/$group" --exec-opt=native.cgroupdriver=cgroupfs >/run/docker.log 2>&1 &
  local daemon=$!
  for _ in $(seq 300); do
    grep -q 'API listen on' /run/docker.log && break
    if ! kill -0 "$daemon" 2>/dev/null; then break; fi
    sleep 0.1
  done
  if ! grep -q 'API listen on' /run/docker.log; then
    echo "the Docker daemon does not start:"
    tail -n 20 /run/docker.log
    exit 1
  fi
  local code=0
  "$@" || code=$?
  # What still runs is killed with the namespace; the daemon goes in good order.
  kill "$daemon" 2>/dev/null && wait "$daemon" || true
  exit "$code"
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
fi
[ $# -gt 0 ] || { echo "usage: tools/docker.sh COMMAND..." >&2; exit 2; }
outside "$@"
