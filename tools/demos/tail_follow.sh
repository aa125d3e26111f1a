# SPDX-License-Identifier: MIT
# demo: the end of a file that grows, and is replaced
demo() {
  mkdir "$work/files"
  printf 'one\ntwo\nthree\n' > "$work/files/log"
  narrate "tail_follow --lines 2 files/log"
  "$programs/tail_follow" --lines 2 "$work/files/log" > "$work/server" 2>&1 &
  server=$!
  shown[server]=0
  has() { grep -q "$1" "$work/server" || ! running "$server"; }
  within 10 has three || fail "the end of the file was not shown"
  show server
  narrate "echo four >> files/log"
  echo 'four' >> "$work/files/log"
  within 10 has four || fail "what was added was not shown"
  show server
  narrate "mv files/log files/log.1; echo five > files/log"
  mv "$work/files/log" "$work/files/log.1"
  echo 'five' > "$work/files/log"
  within 10 has five || fail "the new file was not followed"
  show server
  stop_server
}
