# SPDX-License-Identifier: MIT
# demo: a server that a new version of itself replaces, while a client is connected
client='nc HOST PORT'

demo() {
  start_server handover_echo --handover "$work/handover" --grace 10s
  old=$server
  enter client
  say client 'to the first process'
  expect client 'to the first process'
  clients[old]=$old # ends when the play is over, or before
  start_server handover_echo --handover "$work/handover"
  say client 'still to the first process'
  expect client 'still to the first process'
  enter other
  say other 'to the second process'
  expect other 'to the second process'
  leave client
  gone() { ! running "$old"; }
  within 15 gone || fail 'the first process has not ended'
  leave other
  stop_server
}
