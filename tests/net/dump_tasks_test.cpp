// SPDX-License-Identifier: MIT
#include <array>
#include <string>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <wring/core/dump_tasks.hpp>
#include <wring/core/nursery.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;

constexpr int chunk_line = __LINE__ + 1;
task<> read_chunk(net::tcp_stream& s) { co_await s.read_some(); }
task<> read_bytes(net::tcp_stream& s) {
  std::array<std::byte, 8> into{};
  co_await s.read(into);
}
task<> write_much(net::tcp_stream& s) {
  const std::string much(64 << 20, 'x');
  co_await s.write_all(much);
}
task<> accept_one(net::tcp_listener& l) { co_await l.accept(); }

TEST_CASE("a task dump shows descriptor and address of what sockets are waited for", "[tcp][dump_tasks][real_fd]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    connection chunk = make_connection();
    connection bytes = make_connection();
    std::string dump;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(read_chunk, std::ref(chunk.stream));
      n.start(read_bytes, std::ref(bytes.stream));
      n.start(write_much, std::ref(bytes.stream));
      n.start(accept_one, std::ref(listener));
      co_await sleep_for(1ms);
      dump = dump_tasks();
      n.cancel();
    });
    const auto waits = [&](const char* what, const auto& address, int fd) {
      return ContainsSubstring(fmt::format(": {} {} (descriptor {}); deadline in ", what, address, fd));
    };
    CHECK_THAT(dump, waits("read from", chunk.stream.peer_address(), chunk.stream.native_handle()));
    CHECK_THAT(dump, ContainsSubstring(fmt::format("read_chunk (dump_tasks_test.cpp:{})\n", chunk_line)));
    CHECK_THAT(dump, waits("read from", bytes.stream.peer_address(), bytes.stream.native_handle()));
    CHECK_THAT(dump, waits("write to", bytes.stream.peer_address(), bytes.stream.native_handle()));
    CHECK_THAT(dump, waits("accept on", listener.local_address(), listener.native_handle()));
    CHECK_THAT(dump,
               ContainsSubstring(", 4 operations in flight (1 accept, 1 receive, 1 receive multishot, 1 poll), "));
  });
}

}  // namespace
