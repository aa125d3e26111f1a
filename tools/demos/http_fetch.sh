# SPDX-License-Identifier: MIT
# demo: fetching from a web server, as with curl
needs=http_hello

demo() {
  start_server http_hello
  run http_fetch -i "http://$host:$port/"
  run http_fetch -d 'sent back' "http://$host:$port/echo"
  stop_server
}
