# SPDX-License-Identifier: MIT
# demo: a small web server, and curl
client='curl http://HOST:PORT/'

demo() {
  start_server
  run curl -sS "http://$host:$port/hello/Ada"
  run curl -sS -w '\n' --data-binary 'sent back as it comes' "http://$host:$port/echo"
  run curl -sSN "http://$host:$port/countdown?from=3"
  run curl -sS -i "http://$host:$port/nowhere"
  stop_server
}
