# SPDX-License-Identifier: MIT
# demo: a command that runs again whenever a file has changed
demo() {
  mkdir "$work/files"
  echo 'one' > "$work/files/note"
  narrate "build_watch --folder files -- wc -l files/note"
  "$programs/build_watch" --folder "$work/files" --quiet 50ms -- wc -l "$work/files/note" > "$work/server" &
  server=$!
  shown[server]=0
  waits() { [ "$(grep -c 'waiting for changes' "$work/server")" -ge "$1" ] || ! running "$server"; }
  within 10 waits 1 || fail "the command did not run"
  show server
  narrate "echo two >> files/note"
  echo 'two' >> "$work/files/note"
  within 10 waits 2 || fail "the command did not run again"
  show server
  stop_server
}
