#!/bin/sh
# cargo.sh ARGS...     runs `cargo ARGS...` with a cargo and rustc that are new enough for the workspace
# cargo.sh --run CMD   runs CMD with that cargo first in PATH
# cargo.sh --dir       prints the directory they are in ("" when PATH as it is will do)
# cargo.sh --wanted    prints the version that Cargo.toml asks for
#
# Looked for in PATH, where rustup puts them, and where Debian's rustc-web and cargo-web put them: an old cargo that
# comes first in PATH does not hide a newer one. The user's PATH is changed for the commands of the Makefile alone.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$top/Cargo.toml" | head -n 1)

new_enough() { # DIR: "" stands for PATH as it is
  found=$(PATH="${1:+$1:}$PATH" rustc --version 2>/dev/null </dev/null | awk '{print $2}') || return 1
  PATH="${1:+$1:}$PATH" cargo --version >/dev/null 2>&1 </dev/null || return 1
  [ -n "$found" ] || return 1
  [ "$(printf '%s\n%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" = "$wanted" ]
}

find_dir() {
  for dir in "" "${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}/bin" /usr/bin; do
    if [ -n "$dir" ] && ! { [ -x "$dir/cargo" ] && [ -x "$dir/rustc" ]; }; then continue; fi
    if new_enough "$dir"; then echo "$dir"; return 0; fi
  done
  return 1
}

case ${1:-} in
  --wanted) echo "$wanted"; exit 0 ;;
  --dir) find_dir; exit ;;
esac
dir=$(find_dir) || {
  echo "No cargo and rustc of version $wanted or newer: \`make demo\` or \`make test\` bring Debian's." >&2
  exit 2
}
[ -z "$dir" ] || PATH="$dir:$PATH"
export PATH
if [ "${1:-}" = --run ]; then shift; exec "$@"; fi
exec cargo "$@"
