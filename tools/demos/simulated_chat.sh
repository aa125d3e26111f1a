# SPDX-License-Identifier: MIT
# demo: a test by simulation: people chat over a network full of faults, and a bug is found and repeated
demo() {
  run simulated_chat --seeds 1..3
  expected=1 run simulated_chat --seeds 1..20 --break
}
