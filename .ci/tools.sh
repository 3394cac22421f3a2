# What the gate needs besides Node and npm; sourced by .ci/run. Each thing is installed only if missing.
# shellcheck shell=bash disable=SC2154
deno_version=2.9.6
oldest_deno_version=2.4.2
oldest_deno="$cache/deno-$oldest_deno_version/node_modules/.bin/deno"

# Programs of the tests and of the demonstration: network namespaces, traffic, a second IKEv2.
debian_packages=(
  iproute2 iputils-ping iperf3 libssl3
  strongswan-charon strongswan-swanctl libcharon-extra-plugins libcharon-extauth-plugins
  libstrongswan-extra-plugins libstrongswan-standard-plugins charon-cmd strongswan-pki
)

# deno_from_npm VERSION: that Deno in a folder of its own.
deno_from_npm() {
  local home="$cache/deno-$1"
  if ! "$home/node_modules/.bin/deno" --version 2>/dev/null | grep -qF "deno $1 "; then
    mkdir -p "$home" && npm install --no-audit --no-fund --loglevel=error --prefix "$home" "deno@$1" || return 1
  fi
  "$home/node_modules/.bin/deno" --version
}

# apt-get install without starting the daemons that come with the packages.
apt_install() {
  local guard=/usr/sbin/policy-rc.d kept='' status
  if [ -e "$guard" ]; then kept=$(mktemp) && cp -a "$guard" "$kept" || return 1; fi
  printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard"
  apt-get update -q && apt-get install -y -q --no-install-recommends "$@"
  status=$?
  if [ -n "$kept" ]; then mv "$kept" "$guard"; else rm -f "$guard"; fi
  return $status
}

install_debian_packages() {
  local missing=() name
  for name in "${debian_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q '^install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: not root, so these stay missing: ${missing[*]}"
    return 0
  fi
  apt_install "${missing[@]}"
}

install_tools() {
  deno_from_npm "$deno_version" && deno_from_npm "$oldest_deno_version" && install_debian_packages
}

install_compile_base() {
  .ci/denort.sh "$cache/denort"
}
