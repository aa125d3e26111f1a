// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include <wring/core/awaiter.hpp>

namespace wring {

void awaiter::yield_first(detail::flow& f) noexcept {
  park(f, state::yielded);
  f.enqueue();
}

namespace {

[[noreturn]] void breach(const char* what, const wait_description& wait) noexcept {
  std::fprintf(stderr, "wring: an awaiter (%s, descriptor %d) was %s\n", wait.operation, wait.fd, what);
  std::abort();
}

}  // namespace

void awaiter::misused(const char* what) const noexcept { breach(what, describe()); }

// Its kind is unknown by now: its derived part has been destroyed.
void awaiter::destroyed_in_use() noexcept { breach("destroyed while a task is suspended on it", {}); }

}  // namespace wring
