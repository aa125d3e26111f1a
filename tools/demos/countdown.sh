# SPDX-License-Identifier: MIT
# demo: timers and cancellation: a countdown, and one that runs out of time
demo() {
  run countdown 3
  expected=1 run countdown --tick 200ms --limit 500ms 10
}
