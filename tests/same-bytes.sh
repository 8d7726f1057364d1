#!/bin/bash
# same-bytes.sh [ARGS]   builds the ARMv6 agent of this checkout's HEAD twice, in two folders, and compares the files
#
# Two clones of one commit, each with a home, a cargo folder (to which it fetches the crates) and a user's settings of its own;
# ARGS go to build-agent (--with cross, --target ...). The tools are those of this checkout, so that they are not fetched
# twice: one clone has a link to them, so that they lie outside of it, the other has them inside. Ends with 1 when a byte differs. What was built is left in target/same-bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
target=${CARGO_TARGET_DIR:-$top/target}
work=$target/same-bytes
builder=("$target/release/td-build-agent")
[ -x "${builder[0]}" ] || builder=("$target/release/td-provision" build-agent)
[ -z "${TD_PROVISION:-}" ] || builder=("$TD_PROVISION" build-agent)
[ -x "${builder[0]}" ] || { echo "same-bytes.sh: ${builder[0]} is not there: cargo build --release" >&2; exit 2; }
rm -rf "$work"
mkdir -p "$work" "$target/agents/tools"
# One Rust for both, whatever the home: rustup's, if that is what there is.
user_cargo=${CARGO_HOME:-$HOME/.cargo}
export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} PATH=$PATH:$user_cargo/bin
for name in one another-and-longer; do
  folder=$work/$name/td
  git clone -q "$top" "$folder"
  git -C "$folder" checkout -q "$(git rev-parse HEAD)"
  mkdir -p "$folder/target/agents"
  # No copies: the tools are large.
  if [ "$name" = one ]; then ln -s "$target/agents/tools" "$folder/target/agents/tools"
  else cp -al "$target/agents/tools" "$folder/target/agents/tools"; fi
  echo "== $folder"
  mkdir -p "$work/$name/home" "$work/$name/crates-of-$name"
  # The way to the registry is the machine's.
  ! [ -f "$user_cargo/config.toml" ] || cp "$user_cargo/config.toml" "$work/$name/crates-of-$name/"
  (cd "$folder" && unset CARGO_TARGET_DIR && export HOME="$work/$name/home" CARGO_HOME="$work/$name/crates-of-$name" &&
    RUSTFLAGS="-Cdebuginfo=$((${#name} % 2))" CFLAGS="-O$((${#name} % 2))" "${builder[@]}" "$@")
done
mapfile -t built < <(find "$work" -path '*/release/td-agent' -not -path '*/agents/*' | sort)
sha256sum "${built[@]}"
[ "${#built[@]}" -ge 2 ] || { echo 'same-bytes.sh: nothing was built' >&2; exit 1; }
for ((i = 0; i < ${#built[@]} / 2; i++)); do
  cmp "${built[i]}" "${built[i + ${#built[@]} / 2]}"
done
echo 'the same bytes'
