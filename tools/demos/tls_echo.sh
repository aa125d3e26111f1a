# SPDX-License-Identifier: MIT
# demo: a server over TLS that makes its own certificate, and a client that accepts it only when told to
needs=tls_client
client='openssl s_client -quiet -connect HOST:PORT'

demo() {
  start_server tls_echo --self-signed
  expected=1 run tls_client "$host:$port"
  run tls_client --insecure --send 'nobody else can read this' "$host:$port"
  stop_server
}
