# SPDX-License-Identifier: MIT
# demo: a server that sends back what it is sent, to two clients at once
client='nc HOST PORT'

demo() {
  start_server
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
