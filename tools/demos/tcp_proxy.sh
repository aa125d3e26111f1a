# SPDX-License-Identifier: MIT
# demo: a proxy in front of an echo server, and two clients that talk through it
needs=echo_server
client='nc HOST PORT'

demo() {
  start_server echo_server
  clients[behind]=$server # ends when the play is over, as clients do
  start_server tcp_proxy --access-log "$host:$port"
  enter first
  enter second
  say first 'one two three'
  say second 'quite another thing'
  expect second 'quite another thing'
  expect first 'one two three'
  leave first
  say second 'still here'
  expect second 'still here'
  leave second
  stop_server
}
