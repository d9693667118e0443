#!/usr/bin/env bash
# Install what the tests need from the system: a C compiler for the race detector, a
# browser, npm for the accessibility rules, PostgreSQL and PgBouncer, nginx, HAProxy and Caddy, Python with gRPC for the tests
# of clients in other languages, and the network tools of the drills. As root on Debian
# it installs them; otherwise it lists what is missing. Tests that need something
# missing are skipped, and counted.
set -euo pipefail

missing=()
command -v gcc >/dev/null || command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
  [ -d "/Applications/Google Chrome.app" ] || missing+=(chromium)
command -v npm >/dev/null || missing+=(npm)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || compgen -G '/opt/homebrew/opt/postgresql@*/bin/initdb' >/dev/null ||
  command -v initdb >/dev/null || missing+=(postgresql)
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx)
command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
command -v caddy >/dev/null || missing+=(caddy)
speaks_grpc() { "$1" -c 'import grpc, google.protobuf' 2>/dev/null; }
speaks_grpc python3 || speaks_grpc /usr/bin/python3 || missing+=(python3-grpcio python3-protobuf)
command -v protoc >/dev/null || missing+=(protobuf-compiler)
command -v grpc_python_plugin >/dev/null || missing+=(protobuf-compiler-grpc)
[ "$(uname -s)" != Linux ] || command -v ip >/dev/null || missing+=(iproute2)
command -v pgrep >/dev/null || missing+=(procps)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  if [[ " ${missing[*]} " == *" postgresql "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
    # No server of the system: each test creates its own database cluster.
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = off' >/etc/postgresql-common/createcluster.conf
  fi
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    # Packages of servers start them, unless this file forbids it.
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  if command -v systemctl >/dev/null; then
    for server in nginx haproxy caddy pgbouncer; do # nor at the next boot
      [[ " ${missing[*]} " != *" $server "* ]] || systemctl disable --quiet "$server" || true
    done
  fi
  exit 0
fi
echo "not installed: ${missing[*]}"
case "$(uname -s)" in
  Darwin) echo "install them by: xcode-select --install; brew install --cask google-chrome; brew install node postgresql@17 pgbouncer nginx haproxy caddy grpc protobuf; pip3 install grpcio protobuf" ;;
  *) echo "install them by: sudo apt-get install ${missing[*]} (or what your system calls them)" ;;
esac
