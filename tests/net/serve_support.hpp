// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/tcp_support.hpp"

namespace wring::tests {

inline constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

template <net::stream S>
task<> echo_stream(S peer) {
  while (const buffer_lease chunk = co_await peer.read_some()) {
    co_await peer.write_all(std::span<const std::byte>(chunk));
  }
}

inline task<std::string> ask(raw_socket& server, std::string_view question) {
  server.send(question);
  co_return co_await server.receive(question.size());
}

}  // namespace wring::tests
