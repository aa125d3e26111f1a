# SPDX-License-Identifier: MIT
# demo: a server behind a proxy that tells it who its clients are
needs=tcp_proxy
client='nc HOST PORT'

demo() {
  start_server proxy_aware_echo
  clients[behind]=$server # ends when the play is over, as clients do
  start_server tcp_proxy --proxy-protocol 2 "$host:$port"
  enter client
  expect client 'you are 127.0.0.1'
  say client 'hello'
  expect client 'hello'
  leave client
  stop_server
}
