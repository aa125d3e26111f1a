// SPDX-License-Identifier: MIT
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/error.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/files/pipe_stream.hpp>
#include <wring/net/testing/stream_conformance.hpp>

#include "support/disposition.hpp"
#include "support/tcp_support.hpp"

using namespace wring;
using namespace wring::tests;

static_assert(net::stream<net::pipe_stream>);

namespace {

std::pair<net::pipe_stream, net::pipe_stream> two_ends() {
  auto there = net::make_pipe();
  auto back = net::make_pipe();
  return {net::pipe_stream(std::move(back.first), std::move(there.second)),
          net::pipe_stream(std::move(there.first), std::move(back.second))};
}

}  // namespace

TEST_CASE("two pipes conform as a stream", "[pipes][real_fd]") {
  const without_sigpipe here;
  testing::run([]() -> task<> {
    const testing::stream_check_options options{.reports_abort = false};
    co_await testing::check_stream([] { return two_ends(); }, options);
  });
}

TASK_TEST_WITH("a stream of pipes is closed as one", "[pipes][real_fd]", .real_time = true) {
  auto [near, far] = two_ends();
  co_await near.write_all("last words");
  co_await near.close();
  CHECK(!near.reader().is_open());
  CHECK(!near.writer().is_open());
  const buffer_lease words = co_await far.read_some();
  CHECK(text_of(words) == "last words");
  const buffer_lease end = co_await far.read_some();
  CHECK(!end);
  net::pipe_stream none;
  none.abort();
  const auto closed = co_await none.read_some().result();
  CHECK(closed.error() == errc::closed);
}
