# SPDX-License-Identifier: MIT
# demo: a reverse proxy before two web servers, and curl
needs=http_hello
client='curl http://HOST:PORT/'

demo() {
  start_server http_hello
  clients[one]=$server # end when the play is over, as clients do
  local one=$host:$port
  start_server http_hello
  clients[two]=$server
  start_server reverse_proxy "http://$one" "http://$host:$port"
  run curl -sS -i "http://$host:$port/"
  run curl -sS "http://$host:$port/hello/you"
  run curl -sS -w '\n' --data-binary 'sent back' "http://$host:$port/echo"
  stop_server
}
