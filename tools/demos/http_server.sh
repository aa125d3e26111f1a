# SPDX-License-Identifier: MIT
# demo: a web server with limits and files, and curl
client='curl http://HOST:PORT/'

demo() {
  mkdir -p "$work/site"
  echo 'a page' > "$work/site/page.txt"
  echo 'not for you' > "$work/secret"
  head -c 2000 /dev/zero > "$work/large"
  start_server http_server --root "$work/site" --max-body 1KiB
  run curl -sS "http://$host:$port/"
  run curl -sS -w '\n' --data-binary 'sent back' "http://$host:$port/echo"
  run curl -sS -i "http://$host:$port/files/page.txt"
  run curl -sS "http://$host:$port/files/..%2fsecret"
  run curl -sS --data-binary "@$work/large" "http://$host:$port/echo"
  stop_server
}
