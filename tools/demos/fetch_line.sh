# SPDX-License-Identifier: MIT
# demo: a client that connects to hosts by their names, and says what it tried
needs=echo_server

demo() {
  start_server echo_server
  run fetch_line -v --send 'a line for localhost' "localhost:$port"
  run fetch_line -v -4 --send 'a line by IPv4 alone' "localhost:$port"
  stop_server
}
