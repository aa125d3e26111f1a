// SPDX-License-Identifier: MIT
#include <wring/net/detail/socket_file_wait.hpp>

namespace wring::net::detail {

std::int32_t socket_file_wait::attempt() noexcept { return socket_->attempt_file(file_, at_, end_ - at_); }

result<std::uint64_t> socket_file_wait::take_result() const noexcept {
  if (const auto sent = socket_send_wait::take_result(); !sent) return sent.error();
  return at_ - begin_;
}

}  // namespace wring::net::detail
