# SPDX-License-Identifier: MIT
# demo: datagrams: a server that sends back each of them, to two clients
client='nc -u HOST PORT'
client_options='-u -q 0'

demo() {
  start_server
  enter first
  enter second
  say first 'one two three'
  expect first 'one two three'
  say second 'quite another thing'
  expect second 'quite another thing'
  leave first
  leave second
  stop_server
}
