// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/steady_clock.hpp>
#include <wring/protocols/http/middleware/server_timing.hpp>

namespace wring::http {

task<> server_timing(request&, response& rs, next inner) {
  const auto begun = steady_clock::now();
  co_await inner();
  const std::chrono::nanoseconds took = steady_clock::now() - begun;
  std::array<char, 48> memory;
  const auto end = fmt::format_to_n(memory.data(), memory.size(), "total;dur={}.{:03}", took.count() / 1'000'000,
                                    took.count() / 1'000 % 1'000);
  const std::string_view text(memory.data(), end.size);
  if (!rs.head_sent()) {
    rs.append("Server-Timing", text);
  } else if (!rs.ended()) {
    rs.trailer("Server-Timing", text);
  }
}

}  // namespace wring::http
