#!/usr/bin/env bash
# unpack.sh PACKAGE DIR: download a package of Debian and unpack it into DIR, without
# installing it.
set -euo pipefail
package=$1 into=$(realpath -m "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fetch() { (cd "$dir" && apt-get download -qq -o APT::Sandbox::User=root "$package"); }
fetch 2>/dev/null || { apt-get update -qq && fetch; }
dpkg -x "$dir"/"$package"_*.deb "$into"
