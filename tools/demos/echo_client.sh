# SPDX-License-Identifier: MIT
# demo: a client that sends lines to an echo server and prints what comes back
needs=echo_server

demo() {
  start_server echo_server
  run echo_client --host "$host" --port "$port" --message hello
  printf '%s\n' 'lines from its input:' 'one' 'two' | run echo_client --host "$host" --port "$port"
  stop_server
}
