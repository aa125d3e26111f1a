// SPDX-License-Identifier: MIT
#include <chrono>

#include <wring/core/timeout.hpp>
#include <wring/net/files/process_stream.hpp>

namespace wring::net {

process_stream::process_stream(net::process p) noexcept : process_(std::move(p)) {
  if (process_.terminal().reader().is_open()) {
    pipes_ = std::move(process_.terminal());
  } else {
    pipes_ = pipe_stream(std::move(process_.output()), std::move(process_.input()));
  }
}

task<> process_stream::close() {
  co_await pipes_.close();
  if (process_.id() == 0) co_return;
  const auto ended = co_await move_on_after(std::chrono::seconds(5), process_.wait());
  if (!ended) static_cast<void>(co_await process_.end());
}

}  // namespace wring::net
