# SPDX-License-Identifier: MIT
# demo: a client that tells how its connection is secured
needs=tls_echo

demo() {
  start_server tls_echo --self-signed
  run tls_client --insecure "$host:$port"
  stop_server
}
