# SPDX-License-Identifier: MIT
# demo: a chat room: two people come in, talk, and one leaves
client='nc HOST PORT'

demo() {
  start_server
  enter ada
  expect ada 'name'
  say ada Ada
  expect ada 'Hello, Ada.'
  enter grace
  expect grace 'name'
  say grace Grace
  expect grace 'Hello, Grace.'
  expect ada 'Grace comes in'
  say ada 'Hello Grace. Is that a moth in the relay?'
  expect grace 'Is that a moth in the relay?'
  say grace 'First actual case of a bug being found.'
  expect ada 'First actual case of a bug being found.'
  leave grace
  expect ada 'Grace leaves'
  stop_server
  expect ada 'Good-bye.'
}
