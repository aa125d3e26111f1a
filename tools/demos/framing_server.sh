# SPDX-License-Identifier: MIT
# demo: a server that sends back lines, with its callback classes
needs=framing_client
port_option=--line

demo() {
  start_server framing_server --callbacks
  run framing_client "$host:$port" hello 'and goodbye'
  stop_server
}
