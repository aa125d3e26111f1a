# SPDX-License-Identifier: MIT
# What the shell scripts here share. Sourced with the current directory at the top of the tree.

# configure FOLDER OPTIONS...: sets up build/FOLDER, anew if it was set up with other options or another compiler.
configure() {
  configured=build/$1
  shift
  wanted="CXX=${CXX:-} CXX_LD=${CXX_LD:-} CXXFLAGS=${CXXFLAGS:-} $*"
  [ -f "$configured/build.ninja" ] && [ "$(cat "$configured/configured-with" 2> /dev/null)" = "$wanted" ] && return
  rm -rf "$configured"
  meson setup "$configured" -Ddefault_library=both -Dtests=enabled "$@" || return
  printf '%s\n' "$wanted" > "$configured/configured-with"
}

# build FOLDER TARGETS...: all of them without targets. Coroutines are heavy on the compiler: one job a processor.
build() {
  built=build/$1
  shift
  ninja -C "$built" -j "$(nproc)" "$@"
}

# -O2 is what users run; leaving out the debug information makes the build a good deal faster.
release_options='-Doptimization=2 -Ddebug=false'
