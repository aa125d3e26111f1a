# SPDX-License-Identifier: MIT
# demo: a server whose clients turn TLS on while they are connected, as those of mail do
client='openssl s_client -quiet -starttls pop3 -connect HOST:PORT'

demo() {
  start_server starttls_demo --self-signed
  enter plain
  expect plain '+OK ready'
  say plain 'STATE'
  expect plain 'in plain'
  leave plain
  narrate 'openssl asks for TLS on its connection, and then:'
  run sh -c "printf 'STATE\nQUIT\n' | openssl s_client -quiet -starttls pop3 -connect $host:$port 2> /dev/null"
  stop_server
}
