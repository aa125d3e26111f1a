# SPDX-License-Identifier: MIT
# demo: a server that computes for one client on another thread, and serves the others meanwhile
client='nc HOST PORT'

demo() {
  start_server
  enter patient
  enter quick
  say patient 100000000000000003
  say quick 91
  expect quick '91 is divisible by 7'
  say quick 65537
  expect quick '65537 is prime'
  expect patient '100000000000000003 is prime'
  leave quick
  leave patient
  stop_server
}
