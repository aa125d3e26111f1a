# SPDX-License-Identifier: MIT
# demo: the echo server on all cores, to two clients at once
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
  leave second
  stop_server
}
