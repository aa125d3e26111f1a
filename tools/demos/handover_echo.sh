# SPDX-License-Identifier: MIT
# demo: a server that a new version of itself replaces, while a client is connected
client='nc HOST PORT'

demo() {
  start_server handover_echo --handover "$work/handover" --grace 10s
  enter client
  say client 'to the first process'
  expect client 'to the first process'

  clients[old]=$server # ends when the play is over at the latest
  narrate 'the program is started a second time'
  ( # Without the client's input, which would not end while this process holds it too.
    descriptor=${inputs[client]}
    exec {descriptor}>&-
    exec "$programs/handover_echo" --handover "$work/handover" > "$work/second" < /dev/null
  ) &
  server=$!
  has_taken_over() { grep -q '^taken over$' "$work/second"; }
  within 10 has_taken_over || fail 'the second process has not taken over'
  show server
  cat "$work/second"

  say client 'still to the first process'
  expect client 'still to the first process'
  enter other
  say other 'to the second process'
  expect other 'to the second process'
  leave client
  leave other
  has_ended() { ! running "${clients[old]}"; }
  within 15 has_ended || fail 'the first process has not ended'
  stop_server
}
