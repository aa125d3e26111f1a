# SPDX-License-Identifier: MIT
# demo: timers and cancellation: a countdown
demo() {
  run countdown 3 < /dev/null
}
