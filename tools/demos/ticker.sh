# SPDX-License-Identifier: MIT
# demo: one producer, and the same for all who listen
client='websocket_client ws://HOST:PORT/prices'
needs=websocket_client

demo() {
  start_server ticker --every 100ms
  mkfifo "$work/silence"
  sleep 1 > "$work/silence" &
  run websocket_client "ws://$host:$port/prices" < "$work/silence"
  stop_server
}
