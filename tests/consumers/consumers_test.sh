#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs programs outside the tree that use Wring: installed, found by pkg-config, shared and static; and as a
# subproject.
set -eu

source=$1 # the top of Wring's tree
build=$2  # a build folder of it
prefix=$3
libdir=$4
consumers=$build/consumers

case $prefix in
  "$build"/*) ;;
  *)
    echo "skipped: this would install into $prefix; tools/test sets up a build folder with a prefix inside"
    exit 77
    ;;
esac

step() { # build folder, setup arguments...
  echo "consumers: $1"
  folder=$consumers/$1
  shift
  [ -f "$folder/build.ninja" ] || meson setup "$folder" "$@" || return
  ninja -C "$folder" && timeout 60 "$folder/consumer"
}

rm -rf "$prefix" # also what an earlier version installed
meson install -C "$build" --no-rebuild --quiet
unset PKG_CONFIG_LIBDIR
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
export LD_LIBRARY_PATH="$prefix/$libdir"
step shared "$source/tests/consumers/pkgconfig"
unset LD_LIBRARY_PATH
step static "$source/tests/consumers/pkgconfig" -Dprefer_static=true
unset PKG_CONFIG_PATH

# The consumer's own tree, with Wring where a user would have it.
tree=$consumers/tree
rm -rf "$tree"
mkdir -p "$tree/subprojects"
cp -p "$source"/tests/consumers/subproject/* "$tree"
ln -s "$source" "$tree/subprojects/wring"
step subproject "$tree" --force-fallback-for=wring
