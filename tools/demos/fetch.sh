# SPDX-License-Identifier: MIT
# demo: libcurl driven by the scheduler, which fetches several files at the same time
demo() {
  mkdir -p "$work/files"
  echo 'a small file' > "$work/files/small"
  seq 100000 > "$work/files/large"
  python3 -u -m http.server --bind 127.0.0.1 --directory "$work/files" 0 > "$work/http" 2> /dev/null &
  server=$!
  local site= tries=0
  while [ -z "$site" ] && [ $((tries += 1)) -le 100 ]; do
    sleep 0.1
    site=$(sed -n 's/.*(\(http:[^)]*\)).*/\1/p' "$work/http")
  done
  run fetch "${site}small" "${site}large"
  run fetch --body "${site}small"
  kill "$server"
  wait "$server" || true
}
