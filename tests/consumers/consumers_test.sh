#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs a program outside the tree that uses Wring: installed, found by pkg-config and by CMake (where there is
# one), shared and static; and as a subproject, static and shared. Where the library for TLS was built, another program
# uses that. WRING_SUBPROJECT_OPTIONS are more options to set the subproject up with: it compiles the whole library.
# Where WRING_SUBPROJECT_ONLY_SET_UP is set, only the program's own source is compiled in it.
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

# The consumer's own tree, away from Wring's.
make_tree() { # name
  rm -rf "$consumers/$1/source"
  mkdir -p "$consumers/$1/source/subprojects"
  cp -p "$source/tests/consumers/$1"/* "$source/tests/consumers"/*main.cpp "$consumers/$1/source"
}

run_program() { # library, program, static or shared
  linked=static
  if ldd "$2" | grep -q "lib$1\.so"; then linked=shared; fi
  [ "$linked" = "$3" ] || { echo "consumers: $2 is linked with the $linked library" >&2; return 1; }
  timeout 60 "$2"
}

run_consumer() { # folder, static or shared
  run_program wring "$1/consumer" "$2"
  if [ "$has_tls" = yes ]; then run_program wring-tls "$1/tls_consumer" "$2"; fi
}

step() { # name, static or shared, build folder, setup arguments...
  echo "consumers: $1, $2"
  tree=$consumers/$1/source kind=$2 folder=$consumers/$1/$3
  shift 3
  if [ -f "$folder/build.ninja" ]; then
    meson configure "$folder" -Ddefault_library="$kind" "$@"
  else
    meson setup "$folder" "$tree" -Ddefault_library="$kind" "$@"
  fi
  ninja -C "$folder"
  run_consumer "$folder" "$kind"
}

cmake_step() { # static or shared, arguments...
  echo "consumers: cmake, $1"
  kind=$1
  shift
  rm -rf "$consumers/cmake/$kind"
  cmake -G Ninja -S "$consumers/cmake/source" -B "$consumers/cmake/$kind" -DCMAKE_PREFIX_PATH="$prefix" \
    -DHAS_TLS="$has_tls" "$@"
  cmake --build "$consumers/cmake/$kind"
  run_consumer "$consumers/cmake/$kind" "$kind"
}

rm -rf "$prefix" # also what an earlier version installed
meson install -C "$build" --no-rebuild --quiet
has_tls=no
if [ -e "$prefix/$libdir/pkgconfig/wring-tls.pc" ]; then has_tls=yes; fi
make_tree pkgconfig
unset PKG_CONFIG_LIBDIR
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
export LD_LIBRARY_PATH="$prefix/$libdir"
step pkgconfig shared shared
unset LD_LIBRARY_PATH
step pkgconfig static static -Dprefer_static=true
unset PKG_CONFIG_PATH

if command -v cmake > /dev/null; then
  make_tree cmake
  cmake_step shared
  cmake_step static -Dwring_USE_STATIC_LIBS=ON
  # A version that is not compatible is refused.
  sed -i 's/find_package(wring 0.1 /find_package(wring 0.2 /' "$consumers/cmake/source/CMakeLists.txt"
  if cmake_step shared > "$consumers/cmake/log" 2>&1; then
    echo "consumers: version 0.1 was taken for 0.2" >&2
    exit 1
  fi
  grep -q 'requested version "0.2"' "$consumers/cmake/log"
  # So is a library that Wring was built without.
  sed -i 's/find_package(wring 0.2 REQUIRED/& COMPONENTS levitation/; s/find_package(wring 0.2 /find_package(wring 0.1 /' \
    "$consumers/cmake/source/CMakeLists.txt"
  if cmake_step shared > "$consumers/cmake/log" 2>&1; then
    echo "consumers: a component that does not exist was found" >&2
    exit 1
  fi
  grep -q "without its library 'levitation'" "$consumers/cmake/log"
fi

make_tree subproject
ln -s "$source" "$consumers/subproject/source/subprojects/wring"
# shellcheck disable=SC2086 # the options are meant to be split
set -- --force-fallback-for=wring ${WRING_SUBPROJECT_OPTIONS:-}
if [ -n "${WRING_SUBPROJECT_ONLY_SET_UP:-}" ]; then
  echo 'consumers: subproject, set up'
  rm -rf "$consumers/subproject/build"
  meson setup "$consumers/subproject/build" "$consumers/subproject/source" "$@"
  ninja -C "$consumers/subproject/build" consumer.p/main.cpp.o
  ninja -C "$consumers/subproject/build" -n consumer > /dev/null
  exit 0
fi
step subproject static build -Dwring:default_library=static "$@"
step subproject shared build -Dwring:default_library=shared "$@" # links the same objects
