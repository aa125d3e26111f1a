# SPDX-License-Identifier: MIT
# demo: a guestbook: forms, sessions and tokens, and curl
client='curl http://HOST:PORT/'

demo() {
  start_server
  run curl -sS -c "$work/jar" -o "$work/page" "http://$host:$port/"
  token=$(sed -n 's/.*name="token" value="\([0-9a-f]*\)".*/\1/p' "$work/page")
  run curl -sS -L -b "$work/jar" -d "token=$token" -d 'name=Ann' -d 'text=Hello' "http://$host:$port/entries"
  run curl -sS -d "token=$token" -d 'name=Mallory' -d 'text=Hello' "http://$host:$port/entries"
  stop_server
}
