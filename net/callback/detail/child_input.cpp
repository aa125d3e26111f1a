// SPDX-License-Identifier: MIT
#include <wring/core/engine/process_calls.hpp>
#include <wring/core/readiness.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/net/callback/detail/child_input.hpp>

namespace wring::net::detail {

child_input::child_input(pipe_writer& to, bool is_pipe, const error_address& name) : to_(to), name_(name) {
  if (!is_pipe) return;
  const int copy = wring::detail::duplicate(to.native_handle());
  if (copy < 0) error::from_errno(copy, "watch the input of").with_address(name).raise();
  watched_ = descriptor(copy);
}

task<buffer_lease> child_input::read_some() {
  if (watched_.get() < 0) {
    event never;
    co_await never.wait();
  }
  // An end that can only be written is ready for a reader when it has failed: when the other end is closed.
  static_cast<void>(co_await readable(watched_.get()));
  co_return buffer_lease();
}

task<std::size_t> child_input::read(std::span<std::byte> into) {
  if (into.empty()) co_return 0U;
  const buffer_lease end = co_await read_some();
  co_return end.size();
}

void child_input::abort() noexcept { static_cast<void>(pipe_ends::state_of(to_)->close()); }

}  // namespace wring::net::detail
