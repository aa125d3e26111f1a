# SPDX-License-Identifier: MIT
# demo: a client that sends netstrings, and prints the ones that come back
needs=framing_server
port_option=--netstring

demo() {
  start_server framing_server
  run framing_client --framing netstring "$host:$port" hello 'and goodbye'
  stop_server
}
