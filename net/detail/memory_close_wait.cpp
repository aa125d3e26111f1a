// SPDX-License-Identifier: MIT
#include <wring/net/detail/memory_close_wait.hpp>
#include <wring/net/memory_stream.hpp>

namespace wring::net::detail {

bool memory_close_wait::ready() noexcept {
  stream_->close_now();
  return true;
}

}  // namespace wring::net::detail
