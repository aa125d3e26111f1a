# SPDX-License-Identifier: MIT
# demo: a server that opens files for others, and passes them on over a Unix socket

demo() {
  mkdir "$work/files"
  echo 'read through a descriptor that another process has opened' > "$work/files/note"
  narrate "unix_fdpass --folder files"
  "$programs/unix_fdpass" --socket "$work/socket" --folder "$work/files" > "$work/server" &
  server=$!
  shown[server]=0
  has_line() { [ -s "$work/server" ] || ! running "$server"; }
  within 10 has_line || fail "the server did not say where it listens"
  show server
  narrate "unix_fdpass note"
  "$programs/unix_fdpass" --socket "$work/socket" note
  stop_server
}
