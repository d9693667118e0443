#!/usr/bin/env bash
# docker.sh COMMAND...: run a command with a Docker daemon of its own. Both run in new
# process, network and mount namespaces, which end with this script. /run is a tmpfs
# with the daemon's socket, its containerd and its data, so the script neither sees nor
# changes a Docker or a Kubernetes of this machine, and leaves nothing behind. The
# command can reach only the daemon's networks.
#
# Needs root on Linux. Otherwise, or if Docker cannot be installed, it skips the command
# with a message; in CI that is a failure.
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
  # Keep the package from starting a daemon, which would change the host's packet filter.
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

# remove_cgroups removes the cgroups that the daemon of this script made, and those of
# earlier scripts that were killed.
remove_cgroups() {
  local folder
  for folder in /sys/fs/cgroup/"$prefix"* /sys/fs/cgroup/*/"$prefix"*; do
    [ -d "$folder" ] || continue
    local pid=${folder##*-}
    [ "$pid" = $$ ] || [ ! -d "/proc/$pid" ] || continue
    for _ in $(seq 50); do # until the kernel has removed the last process
      find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ ! -d "$folder" ] && break
      sleep 0.1
    done
  done
}

outside() {
  [ "$(uname -s)" = Linux ] || skip "the Docker daemon needs Linux"
  [ "$(id -u)" = 0 ] || skip "the Docker daemon needs root"
  install
  local group=$prefix$$
  # If this script is killed, its namespaces end too.
  setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc "$0" --inside "$group" "$@" &
  local child=$!
  # The namespaces, and all processes in them, end with unshare.
  trap 'kill -KILL "$child" || true; wait "$child" || true; remove_cgroups; exit 130' INT TERM HUP
  local code=0
  wait "$child" || code=$?
  remove_cgroups
  exit "$code"
}

inside() {
  local group=$1
  shift
  # A signal from the terminal reaches all processes; only outside() handles it.
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
    echo "the Docker daemon did not start:"
    tail -n 20 /run/docker.log
    exit 1
  fi
  local code=0
  "$@" || code=$?
  # The daemon shuts down; the end of the namespace kills everything else.
  kill "$daemon" 2>/dev/null && wait "$daemon" || true
  exit "$code"
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
fi
[ $# -gt 0 ] || { echo "usage: tools/docker.sh COMMAND..." >&2; exit 2; }
outside "$@"
