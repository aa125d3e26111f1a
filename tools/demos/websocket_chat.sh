# SPDX-License-Identifier: MIT
# demo: a chat with rooms, for browsers; here two programs talk that say what its page says
client='a browser: http://HOST:PORT/'
needs=websocket_client

demo() {
  start_server
  run curl -sS -o /dev/null -w '%{http_code} %{content_type}\n' "http://$host:$port/"
  mkfifo "$work/ada"
  { printf '{"name": "Ada", "room": "lobby"}\n'; sleep 1; printf 'Is that a moth in the relay?\n'; sleep 0.5; } > "$work/ada" &
  mkfifo "$work/grace"
  { sleep 0.3; printf '{"name": "Grace", "room": "lobby"}\n'; sleep 0.3; printf 'Hello Ada.\n'; sleep 1; } > "$work/grace" &
  "$programs/websocket_client" "ws://$host:$port/chat" < "$work/grace" > "$work/seen" &
  run websocket_client "ws://$host:$port/chat" < "$work/ada"
  wait %3 || :
  stop_server
}
