# SPDX-License-Identifier: MIT
# demo: files that are uploaded, up to a quota, and in pieces
client='curl -T FILE http://HOST:PORT/files/'

demo() {
  mkdir "$work/kept"
  head -c 3000 /dev/zero > "$work/disk.img"
  head -c 1000 "$work/disk.img" > "$work/first"
  start_server upload_server --folder "$work/kept" --quota 5KiB
  run curl -sS -w '%{http_code}\n' -H 'Content-Range: bytes 0-999/3000' -T "$work/first" "http://$host:$port/files/disk.img"
  run curl -sS "http://$host:$port/offset/disk.img"
  run curl -sS -C 1000 -T "$work/disk.img" "http://$host:$port/files/"
  run curl -sS -T "$work/disk.img" "http://$host:$port/files/another"
  stop_server
}
