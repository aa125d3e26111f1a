# SPDX-License-Identifier: MIT
# demo: a client for WebSocket: lines go out as texts, and what comes is printed
needs=websocket_echo

demo() {
  start_server websocket_echo
  printf 'hello\nwho is there?\n' > "$work/lines"
  run websocket_client "ws://$host:$port/" < "$work/lines"
  printf 'nobody is here\n' > "$work/lines"
  expected=1 run websocket_client "ws://$host:$port/nowhere" < "$work/lines"
  stop_server
}
