// SPDX-License-Identifier: MIT
#include <cstddef>
#include <functional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>

#include "site.hpp"
#include "support/allocation_count.hpp"

using namespace wring;
using namespace wring::tests;
using namespace wring::tests::websocket;

TASK_TEST("messages that are received and sent allocate nothing", "[websocket]") {
  const auto routes = site_of(echo);
  std::size_t made = 0;
  const auto client = [&](net::memory_stream& peer) -> task<> {
    const std::string whole = sent_by_client(opcode::text, std::string(500, 'x'));
    const std::string parts = sent_by_client(opcode::text, "one", false) + sent_by_client(opcode::continuation, "two");
    const std::size_t expected =
        sent_by_server(opcode::text, std::string(500, 'x')).size() + sent_by_server(opcode::text, "onetwo").size();
    std::string answers(expected, '\0');
    std::size_t before = 0;
    for (int i = 0; i != 200; ++i) {
      if (i == 100) before = allocations();
      co_await peer.write_all(whole);
      co_await peer.write_all(parts);
      std::size_t at = 0;
      while (at != expected) at += co_await peer.read(std::as_writable_bytes(std::span(answers)).subspan(at));
    }
    made = allocations() - before;
  };
  co_await converse_on(routes, std::ref(client));
  if (counts_allocations) CHECK(made == 0);
}
