# SPDX-License-Identifier: MIT
# demo: the engine that runs here, and why; what it found in the kernel; the way of each operation

demo() {
  "$programs/explain"
  narrate 'the same with WRING_ENGINE=epoll, as where io_uring is refused'
  WRING_ENGINE=epoll "$programs/explain"
}
