# SPDX-License-Identifier: MIT
# demo: a web server over TLS that makes its own certificate, and curl
client='curl --insecure https://HOST:PORT/'

demo() {
  start_server https_server --self-signed
  expected=60 run curl -sS "https://$host:$port/"
  run curl -sS --insecure "https://$host:$port/"
  run curl -sS -w '\n' --insecure --data-binary 'sent back as it comes' "https://$host:$port/echo"
  stop_server
}
