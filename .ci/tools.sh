#!/usr/bin/env bash
# Usage: .ci/tools.sh CACHE VERSION…. What the gate needs besides Node and npm: these versions of Deno, each
# in a folder of its own under CACHE, and the programs of the tests and of the demonstration.
# Each is installed only if it is missing.
set -eu
cache=$1
shift

# Network namespaces, traffic, libcrypto, a second IKEv2, and an AAA server.
debian_packages=(
  iproute2 iputils-ping iperf3 libssl3 libipsec-mb1
  strongswan-charon strongswan-swanctl libcharon-extra-plugins libcharon-extauth-plugins
  libstrongswan-extra-plugins libstrongswan-standard-plugins charon-cmd strongswan-pki
  freeradius freeradius-utils eapoltest
)

for version in "$@"; do
  home="$cache/deno-$version"
  if ! "$home/node_modules/.bin/deno" --version 2>/dev/null | grep -qF "deno $version "; then
    mkdir -p "$home"
    npm install --no-audit --no-fund --loglevel=error --prefix "$home" "deno@$version"
  fi
  "$home/node_modules/.bin/deno" --version
done

missing=()
for name in "${debian_packages[@]}"; do
  dpkg-query -W -f='${Status}\n' "$name" 2>/dev/null | grep -q '^install ok installed' || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "skipped: not root, so these stay missing: ${missing[*]}"
  exit 0
fi

# Installing must not start the daemons that come with the packages: a guard, and back to what was there.
guard=/usr/sbin/policy-rc.d
kept=$(mktemp -d)
[ ! -e "$guard" ] || cp -a "$guard" "$kept/"
restore() {
  rm -f "$guard"
  [ ! -e "$kept/policy-rc.d" ] || mv "$kept/policy-rc.d" "$guard"
  rm -rf "$kept"
}
trap restore EXIT
rm -f "$guard"
printf '#!/bin/sh\nexit 101\n' >"$guard"
chmod 755 "$guard"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
