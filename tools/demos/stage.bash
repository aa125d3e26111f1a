# SPDX-License-Identifier: MIT
# What the demos are played with: a server, clients that are typed into and read from, and clean-up. Sourced by tools/demo,
# which sets $programs (the folder of the built examples) and $example.

work=$(mktemp -d)
server=             # the server's process id
host=
port=
declare -A clients=() # name: process id
declare -A inputs=()  # name: descriptor that its typing goes to
declare -A shown=()   # name: how many bytes of its output are on the screen
declare -A colours=()

strike_the_stage() {
  for pid in $server "${clients[@]}"; do kill -KILL "$pid" 2> /dev/null && wait "$pid" 2> /dev/null || :; done
  rm -rf "$work"
}
trap strike_the_stage EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

colour() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[%sm' "$1"; fi; }
narrate() { printf '%s%s%s\n' "$(colour 1)" "$*" "$(colour 0)"; }
fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# line NAME MARK TEXT: one line of the play.
line() { printf '%s%8s %s%s %s\n' "$(colour "${colours[$1]:-0}")" "$1" "$2" "$(colour 0)" "$3"; }

running() { [ -d "/proc/$1" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2> /dev/null; }

# within SECONDS COMMAND...: waits until the command succeeds.
within() {
  local tries=$(($1 * 20))
  shift
  until "$@"; do
    [ $((tries -= 1)) -gt 0 ] || return 1
    sleep 0.05
  done
}

# parse_address LINE: sets host and port from `listening on ADDRESS:PORT`.
parse_address() {
  case $1 in
    'listening on '*:*) ;;
    *) fail "$example said '$1' where 'listening on ADDRESS:PORT' was expected" ;;
  esac
  port=${1##*:}
  port=${port%% *}
  host=${1#listening on }
  host=${host%:*}
  host=${host#[}
  host=${host%]}
  case $host in
    0.0.0.0 | ::) host=127.0.0.1 ;;
  esac
}

# start_server [NAME [OPTION...]]: starts an example on a free port. `port_option` is its option for that, if not --port.
start_server() {
  : > "$work/server"
  "$programs/${1:-$example}" --host 127.0.0.1 "${port_option:---port}" 0 "${@:2}" >> "$work/server" 2>&1 < /dev/null &
  server=$!
  shown[server]=0
  colours[server]=90
  has_line() { [ "$(wc -l < "$work/server")" -gt 0 ] || ! running "$server"; }
  within 10 has_line || fail "the server did not say where it listens"
  parse_address "$(head -n 1 "$work/server")"
  show server
}

# stop_server: asks it to stop, as a supervisor would; it must end by itself, with success.
stop_server() {
  line server '>' '(SIGTERM)'
  kill -TERM "$server"
  ended() { ! running "$server"; }
  within 15 ended || fail "the server did not stop within 15 seconds of SIGTERM"
  local code=0
  wait "$server" || code=$?
  server=
  show server
  [ $code = 0 ] || fail "the server exited with $code"
}

# enter NAME: connects a client; a demo may set client_options.
enter() {
  local palette=(36 33 35 32) descriptor
  colours[$1]=${palette[${#inputs[@]} % 4]}
  mkfifo "$work/$1.typed"
  : > "$work/$1"
  ( # Without the other clients' inputs: they would not end while this process holds them too.
    for descriptor in "${inputs[@]}"; do exec {descriptor}>&-; done
    exec nc ${client_options:--N} "$host" "$port" < "$work/$1.typed" >> "$work/$1" 2>&1
  ) &
  clients[$1]=$!
  exec {descriptor}> "$work/$1.typed"
  inputs[$1]=$descriptor
  shown[$1]=0
}

# say NAME TEXT: types a line into the client.
say() {
  line "$1" '>' "$2"
  printf '%s\n' "$2" >&"${inputs[$1]}"
}

# leave NAME: ends the client's input, and waits for the client to end.
leave() {
  local descriptor=${inputs[$1]} name=$1
  line "$1" '>' '(leaves)'
  exec {descriptor}>&-
  ended() { ! running "${clients[$name]}"; }
  within 10 ended || fail "$1 hung up, but the server did not"
  unset "clients[$1]"
  show "$1"
}

# show NAME: what the client has seen since the last time.
show() {
  local text
  tail -c "+$((shown[$1] + 1))" "$work/$1" > "$work/unseen"
  shown[$1]=$((shown[$1] + $(wc -c < "$work/unseen")))
  while IFS= read -r text || [ -n "$text" ]; do line "$1" '|' "$text"; done < "$work/unseen"
}

# expect NAME TEXT: waits until the client sees a line with this text, and shows what it saw.
expect() {
  local name=$1 text=$2
  sees() { tail -c "+$((shown[$name] + 1))" "$work/$name" | grep -qF -- "$text"; }
  if ! within 10 sees; then
    show "$name"
    fail "$name did not see '$text'"
  fi
  show "$name"
}

# run PROGRAM ARGUMENTS...: runs an example, or a program of the system, to its end, in sight. It must exit with 0, or
# with $expected.
run() {
  local name=$1 program=$programs/$1 text
  shift
  [ -x "$program" ] || program=$name
  line "$name" '$' "$name $*"
  "$program" "$@" 2>&1 | while IFS= read -r text; do line "$name" '|' "$text"; done
  local code=${PIPESTATUS[0]}
  [ "$code" = "${expected:-0}" ] || fail "$name exited with $code"
}

# serve OPTIONS...: for tools/demo --serve.
serve() {
  local first output
  case " $* " in
    *' --port'*) ;;
    *) set -- --port 0 "$@" ;;
  esac
  # In a session of its own, so that Ctrl-C is one signal to it and not two.
  exec {output}< <(exec setsid "$programs/$example" "$@")
  server=$!
  local code interrupted=
  trap 'interrupted=yes; kill -TERM "$server" 2> /dev/null' INT TERM HUP
  IFS= read -r first <&"$output" || fail "$example did not start"
  echo "$first"
  parse_address "$first"
  client=${client//HOST/$host}
  narrate "connect with: ${client//PORT/$port}   (stop with Ctrl-C)"
  cat <&"$output" &
  while
    interrupted=
    code=0
    wait "$server" || code=$?
    [ -n "$interrupted" ]
  do :; done
  server=
  exit "$code"
}
