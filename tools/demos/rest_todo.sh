# SPDX-License-Identifier: MIT
# demo: a list of things to do: JSON over HTTP, and curl
client='curl http://HOST:PORT/todos'

demo() {
  start_server
  todos="http://$host:$port/todos"
  run curl -sS -w '\n' -d '{"title": "buy milk"}' "$todos"
  run curl -sS -w '\n' -d '{"title": "bake bread"}' "$todos"
  run curl -sS -w '\n' -X PATCH -d '{"done": true}' "$todos/1"
  run curl -sS -w '\n' "$todos"
  run curl -sS -w '%{http_code}\n' -X DELETE "$todos/1"
  run curl -sS -w '\n' -d 'milk' "$todos"
  stop_server
}
