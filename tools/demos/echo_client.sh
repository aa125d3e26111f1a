# SPDX-License-Identifier: MIT
# demo: a client that sends lines to an echo server and prints what comes back
needs=echo_server

demo() {
  start_server echo_server
  printf '%s\n' 'the first line' 'and the second' | run echo_client --host "$host" --port "$port"
  stop_server
}
