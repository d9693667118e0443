#!/usr/bin/env bash
# postgres.sh FILE.tar TAG: build an image of PostgreSQL for trials, and for tests on a
# cluster that cannot pull the official one. It contains Debian's server, started by
# deploy/pgtrial, which supports variables of the official image. Missing packages are
# downloaded and unpacked, but not installed, so that no server starts here.
set -euo pipefail
file=$(realpath -m "$1") tag=$2
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/root" "$dir/debs"

find_server() { compgen -G "$1/usr/lib/postgresql/*/bin/postgres" | sort -V | tail -n 1 || true; }
root=/
server=$(find_server "")
if [ -z "$server" ]; then
  if ! command -v apt-get >/dev/null; then
    echo "no PostgreSQL in /usr/lib/postgresql and no apt-get: use the image postgres of a registry" >&2
    exit 1
  fi
  # With its own cache folder, --download-only changes nothing on this machine.
  fetch() {
    apt-get install -y -qq --download-only --no-install-recommends -o Debug::NoLocking=true -o APT::Sandbox::User=root \
      -o Dir::Cache="$dir" -o Dir::Cache::archives="$dir/debs" postgresql >/dev/null
  }
  fetch 2>/dev/null || { apt-get update -qq && fetch; }
  for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
  root=$dir/root
  server=$(find_server "$root")
fi
bin=$(dirname "${server#"$dir/root"}")
version=$(basename "$(dirname "$bin")")
lib=/usr/lib/postgresql/$version/lib share=/usr/share/postgresql/$version

mkdir -p "$(dirname "$file")"
CGO_ENABLED=0 go build -C .. -trimpath -ldflags='-s -w' -o "$dir/pgtrial" ./deploy/pgtrial
# initdb starts postgres with /bin/sh, and the chart's pod copies a certificate with cat and mv.
# Debian's server uses the time zones of the system.
go run ./pack -o "$file" -tag "$tag" -root "$root" -path "$bin:/bin" -stop-signal SIGINT "$dir/pgtrial" \
  /bin/{sh,cat,mv} "$bin"/{postgres,initdb,pg_isready,psql} "$lib"/{plpgsql,dict_snowball}.so \
  "$share"/{errcodes.txt,postgres.bki,information_schema.sql,snowball_create.sql,sql_features.txt} \
  "$share"/{system_constraints,system_functions,system_views}.sql "$share"/{pg_hba,pg_ident,postgresql}.conf.sample \
  "$share"/{timezonesets,tsearch_data} "$share"/extension/plpgsql{.control,--1.0.sql} /usr/share/zoneinfo/{UTC,Etc}
echo "$tag  PostgreSQL $version  $(du -h "$file" | cut -f1)  $file"
