// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/http/server.hpp>

namespace wring::tests {

/// All that arrives until the stream ends, or breaks.
inline task<std::string> read_to_end(net::stream_ref from) {
  std::string all;
  for (;;) {
    const auto got = co_await from.read_some().result();
    if (!got || got->empty()) co_return all;
    all.append(reinterpret_cast<const char*>(got->data()), got->size());
  }
}

/// What a server answers to `requests`, whose client then sends no more, however they are cut.
inline task<std::string> answers(const http::router& routes, std::string requests, http::server_limits limits = {},
                                 net::memory_stream_options how = {}) {
  auto [client, server] = net::make_memory_stream_pair(how);
  std::string got;
  nursery n;
  const auto body = [&]() -> task<> {
    n.start(http::serve_connection, net::stream_ref(server), std::cref(routes), limits);
    n.start([&]() -> task<> {
      const auto sent = co_await client.write_all(requests).result();
      if (sent) static_cast<void>(co_await client.shut_down_write().result());
    });
    got = co_await read_to_end(client);
    client.abort();
  };
  co_await n.run(std::ref(body));
  co_return got;
}

/// Without the Date, whose value differs.
inline std::string without_date(std::string text) {
  for (std::size_t at = text.find("Date: "); at != std::string::npos; at = text.find("Date: ")) {
    text.erase(at, text.find('\n', at) + 1 - at);
  }
  return text;
}

/// The statuses of a series of answers.
inline std::string statuses(std::string_view text) {
  std::string all;
  for (std::size_t at = text.find("HTTP/1.1 "); at != std::string_view::npos; at = text.find("HTTP/1.1 ", at + 9)) {
    if (!all.empty()) all += ' ';
    all += text.substr(at + 9, 3);
  }
  return all;
}

}  // namespace wring::tests
