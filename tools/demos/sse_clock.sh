# SPDX-License-Identifier: MIT
# demo: a clock whose server sends the time
client='curl -N http://HOST:PORT/events'

demo() {
  start_server sse_clock --every 300ms
  expected=28 run curl -sN --max-time 1 "http://$host:$port/events"
  stop_server
}
