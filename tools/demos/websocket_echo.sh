# SPDX-License-Identifier: MIT
# demo: messages over WebSocket come back, to a client that prints them
client='websocket_client ws://HOST:PORT/'
needs=websocket_client

demo() {
  start_server
  printf 'hello\nwho is there?\n' > "$work/lines"
  run websocket_client --compress "ws://$host:$port/" < "$work/lines"
  stop_server
}
