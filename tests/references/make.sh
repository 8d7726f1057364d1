#!/bin/bash
# make.sh: renders the pictures beside it anew, with Debian's POV-Ray for i386 on this machine's own processor (amd64).
#
# word-size-32.png is what every POV-Ray of 32 bit draws of tests/scenes/word-size.pov: Debian's for i386 here, for armel on
# an emulated ARM1176 in the tests. One of 64 bit draws its textures otherwise; that too is tested, so the scene can tell
# the two apart. The program is unpacked by tests/foreign.sh and started by its own loader: nothing is installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
root=$top/target/foreign/i386
"$top/tests/foreign.sh" i386 "$root"
libraries=$root/lib/i386-linux-gnu:$root/usr/lib/i386-linux-gnu:$root/usr/lib/i386-linux-gnu/pulseaudio
cd "$top/tests/scenes"
"$root/lib/ld-linux.so.2" --library-path "$libraries" "$root/usr/bin/povray" +Iword-size.pov "+O$here/word-size-32.png" \
  +W96 +H72 +FN8 +WT1 -D -V 2>"$here/make.log" || { tail -n 5 "$here/make.log" >&2; exit 1; }
rm "$here/make.log"
