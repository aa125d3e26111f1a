# SPDX-License-Identifier: MIT
# demo: files with ranges, conditions, compression and lists, and curl
client='curl -r 0-99 http://HOST:PORT/page.html'

demo() {
  mkdir -p "$work/site/sub"
  seq -f '<p>line %g</p>' 500 > "$work/site/page.html"
  echo 'not for you' > "$work/secret"
  start_server static_server --list "$work/site"
  run curl -sS "http://$host:$port/"
  run curl -sS -r 0-12 "http://$host:$port/page.html"
  run curl -sS --compressed -o /dev/null -w '%{size_download} bytes on the way\n' "http://$host:$port/page.html"
  run curl -sS -z 'Fri, 01 Jan 2100 00:00:00 GMT' -o /dev/null -w '%{http_code}\n' "http://$host:$port/page.html"
  run curl -sS --path-as-is "http://$host:$port/../secret"
  stop_server
}
