#!/usr/bin/env bash
# docker/install.sh GROUP...: installs what is missing of these groups of docker/packages.txt, as root or through sudo.
# Nothing is asked, and where nothing is missing apt is not started. Group "peer" is optional: what cannot be had is named and left out.
set -euo pipefail
list=$(dirname "${BASH_SOURCE[0]}")/packages.txt
[ $# -gt 0 ] || { echo "usage: docker/install.sh GROUP...   groups: $(grep -o '^[a-z]\+' "$list" | sort -u | tr '\n' ' ')" >&2; exit 2; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install.sh: this is neither Debian nor Ubuntu, so nothing is installed; CMake will name what is missing of $list" >&2
    exit 0
fi

declare -A installed=()
while read -r package; do installed[$package]=1; done < <(dpkg-query -W -f='${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')

# Prints, one per line, the entries of a group of which no alternative is installed.
missing() {
    local group entry alternative
    while read -r group entry _; do
        [ "$group" = "$1" ] || continue
        for alternative in ${entry//|/ }; do [ -z "${installed[$alternative]:-}" ] || continue 2; done
        echo "$entry"
    done < "$list"
}

required=() optional=()
for group in "$@"; do
    if [ "$group" = peer ]; then mapfile -t -O ${#optional[@]} optional < <(missing peer); else mapfile -t -O ${#required[@]} required < <(missing "$group"); fi
done
[ $((${#required[@]} + ${#optional[@]})) -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
elif [ ${#required[@]} -eq 0 ]; then
    echo "install.sh: without root or sudo, these optional packages stay away: ${optional[*]}" >&2
    exit 0
else
    echo "install.sh: packages are missing and this account is neither root nor has sudo; ask the administrator to install: ${required[*]}" >&2
    exit 1
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }

apt update || echo "install.sh: the package lists could not be refreshed; going on with those that are here" >&2

# The first alternative that apt can install; the first of all where there is none, so that apt's own message names it.
choose() {
    local alternative
    if [[ $1 != *"|"* ]]; then echo "$1"; return; fi
    for alternative in ${1//|/ }; do
        if apt-get -s -o Debug::NoLocking=1 install --no-install-recommends "$alternative" >/dev/null 2>&1; then echo "$alternative"; return; fi
    done
    echo "${1%%|*}"
}
if [ ${#required[@]} -gt 0 ]; then
    packages=()
    for entry in "${required[@]}"; do packages+=("$(choose "$entry")"); done
    apt install -y --no-install-recommends "${packages[@]}"
fi
for entry in "${optional[@]}"; do
    apt install -y --no-install-recommends "$(choose "$entry")" ||
        echo "install.sh: $entry could not be installed; the tests that need it will skip" >&2
done
