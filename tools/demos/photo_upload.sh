# SPDX-License-Identifier: MIT
# demo: photos that a form sends, written to a directory as they come, and curl
client='curl -F photo=@cat.jpg http://HOST:PORT/photos'

demo() {
  mkdir -p "$work/photos"
  { printf '\377\330\377'; head -c 100000 /dev/urandom; } > "$work/cat.jpg"
  echo 'no photo' > "$work/cat.txt"
  start_server photo_upload "$work/photos"
  run curl -sS -F "photo=@$work/cat.jpg" "http://$host:$port/photos"
  run curl -sS -F "photo=@$work/cat.txt" "http://$host:$port/photos"
  run curl -sS "http://$host:$port/photos/"
  stop_server
}
