// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/testing/canned_connector.hpp>

namespace wring::tests {

/// Runs `body(client)` against answers that `there` gives; returns when the connections have ended.
template <class Body>
task<> with_answers(nursery& n, http::testing::canned_connector& there, http::client_limits limits, Body& body) {
  const auto run = [&]() -> task<> {
    http::client web(there, limits);
    co_await body(web);
  };
  co_await n.run(std::ref(run));
}

inline std::string ok(std::string_view body, std::string_view fields = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

/// The error that an awaited task throws, or nothing.
template <class Make>
task<std::string> fault_of(Make make) {
  try {
    co_await make();
  } catch (const std::exception& e) {
    co_return e.what();
  }
  co_return std::string();
}

}  // namespace wring::tests
