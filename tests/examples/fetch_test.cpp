// SPDX-License-Identifier: MIT
#include "../../examples/fetch.cpp"

#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>

#include "captured_output.hpp"

namespace {

namespace net = wring::net;
using wring::tests::output_of;

/// Answers every connection with a small page.
task<> answer(net::tcp_stream peer) {
  net::reader in(peer);
  for (auto line = co_await in.read_line(); line && !line->empty(); line = co_await in.read_line()) {
  }
  co_await peer.write_all("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
}

/// Fetches that page `count` times, all at the same time. Whether all went well.
task<bool> fetch_from_server(int count) {
  bool all_well = false;
  auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
  const std::string url = fmt::format("http://{}/", listener.local_address());
  settings chosen;
  for (int i = 0; i != count; ++i) chosen.urls.push_back(url);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await net::serve(listener, answer); });
    all_well = co_await fetch_all(chosen);
    n.cancel();
  });
  co_return all_well;
}

}  // namespace

TEST_CASE("fetch prints what it fetched from a server on the same thread", "[examples][fetch]") {
  bool all_well = false;
  const std::string output = output_of([&] { all_well = wring::testing::run([] { return fetch_from_server(3); }); });
  CHECK(all_well);
  CHECK(output.find("200        5  http://127.0.0.1:") == 0);
}

TEST_CASE("fetch can be cancelled wherever it waits", "[examples][fetch]") {
  wring::testing::cancel_everywhere_options options;
  options.real_time = true;
  std::size_t points = 0;
  output_of([&] {
    points = wring::testing::cancel_everywhere(
        []() -> task<> {
          const bool all_well = co_await fetch_from_server(1);
          if (!all_well) throw std::runtime_error("the page was not fetched");
        },
        options);
  });
  CHECK(points > 5);
}
