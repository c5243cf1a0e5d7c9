#!/bin/sh
# usage: archive.sh OUTPUT LD OBJCOPY AR LIBRARY...
#
# Makes one static library of several, in which only public functions can be seen: what the headers in
# src/ declare is hidden in the shared library, and would else be names in whatever program links this.
set -eu
output=$1 ld=$2 objcopy=$3 ar=$4
shift 4
object=$output.o
"$ld" -r -o "$object" --whole-archive "$@"
"$objcopy" --localize-hidden "$object"
rm -f "$output"
"$ar" rcs "$output" "$object"
rm -f "$object"
