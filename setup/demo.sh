#!/bin/sh
# demo.sh: builds td and renders one of POV-Ray's example scenes on this machine's cores, into td-demo.png.
set -eu
cd "$(dirname "$0")/.."
scene=advanced/biscuit.pov
for examples in /usr/share/doc/povray/examples target/povray-examples/usr/share/doc/povray/examples; do
  [ ! -f "$examples/$scene" ] || break
done
setup/cargo.sh build --release --locked
bin=${CARGO_TARGET_DIR:-target}/release
set -x
"$bin/td" render "$examples/$scene" +W1600 +H1200 +A0.3 -o td-demo.png
