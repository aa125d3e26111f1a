# SPDX-License-Identifier: MIT
# demo: counters that the clients of all schedulers share, without a lock
client='nc HOST PORT'

demo() {
  start_server
  enter first
  enter second
  say first 'add apples'
  expect first '1'
  say second 'add apples 41'
  expect second '42'
  say first 'get apples'
  expect first '42'
  say second 'requests'
  expect second '4'
  leave first
  leave second
  stop_server
}
