# SPDX-License-Identifier: MIT
# demo: a shell on a terminal for whoever connects, and what it says to commands that are typed
demo() {
  start_server
  exec 3<> "/dev/tcp/$host/$port"
  narrate 'tty; stty size; exit'
  printf 'tty; stty size; exit\n' >&3
  cat <&3
  exec 3>&-
  stop_server
}
