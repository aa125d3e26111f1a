// SPDX-License-Identifier: MIT
// Each service as a protocol and as a handler: they send the same.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/services/callback/simple_services.hpp>
#include <wring/protocols/services/simple_services.hpp>

namespace {

using namespace wring;
using namespace std::chrono_literals;

/// What a service sends to a client that sends `text` and then the end, up to `at_most` bytes.
template <class Serve>
task<std::string> answer(Serve serve, std::string text, std::size_t at_most = unlimited) {
  auto [a, b] = net::make_memory_stream_pair({.capacity = 5000});
  net::memory_stream& near = a;
  net::memory_stream& far = b;
  std::string received;
  auto side = [&]() -> task<> {
    co_await serve(near);
    co_await near.close();
  };
  auto send = [&]() -> task<> {
    static_cast<void>(co_await far.write_all(text).result());
    static_cast<void>(co_await far.shut_down_write().result());
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(side));
    if (at_most == unlimited) n.start(std::ref(send));
    while (received.size() < at_most) {
      const auto chunk = co_await far.read_some().result();
      if (!chunk || chunk->empty()) break;
      received.append(reinterpret_cast<const char*>(chunk->data()), chunk->size());
    }
    co_await far.close();
  });
  co_return received;
}

template <class P, class... Args>
task<std::string> answer_of(std::string text, std::size_t at_most, Args... args) {
  auto run = [&](net::stream_ref s) { return net::run_protocol(s, std::make_shared<P>(args...)); };
  const std::string got = co_await answer(std::ref(run), std::move(text), at_most);
  co_return got;
}

TASK_TEST("echo sends back all, also to who ends first", "[services]") {
  const std::string text(300'000, 'e');
  const std::string by_handler = co_await answer(services::echo, text);
  CHECK(by_handler == text);
  const std::string by_protocol = co_await answer_of<services::echo_protocol>(text, unlimited);
  CHECK(by_protocol == text);
}

TASK_TEST("discard sends nothing", "[services]") {
  const std::string text(20'000, 'd');
  const std::string by_handler = co_await answer(services::discard, text);
  CHECK(by_handler.empty());
  const std::string by_protocol = co_await answer_of<services::discard_protocol>(text, unlimited);
  CHECK(by_protocol.empty());
}

TASK_TEST("chargen sends lines until the client leaves", "[services]") {
  const std::string none;
  constexpr std::size_t enough = 100 * services::chargen_line_size;
  const std::string by_handler = co_await answer(services::chargen, none, enough);
  const std::string by_protocol = co_await answer_of<services::chargen_protocol>(none, enough);
  REQUIRE(by_handler.size() >= enough);
  REQUIRE(by_protocol.size() >= enough);
  CHECK(by_handler.substr(0, enough) == by_protocol.substr(0, enough));
  CHECK(by_handler.starts_with(" !\"#$%&'()"));
  CHECK(by_handler.substr(72, 4) == "\r\n!\"");
  CHECK(by_handler.substr(95 * 74, 3) == " !\"");  // the lines begin anew
}

TASK_TEST("a quote, and who is there", "[services]") {
  const std::string none;
  const services::qotd quoting{"Less is more\r\n"};
  const std::string quote = co_await answer(std::cref(quoting), none);
  CHECK(quote == "Less is more\r\n");
  const std::string same = co_await answer_of<services::qotd_protocol>(none, unlimited, quoting.quote);
  CHECK(same == quote);
  const std::vector<std::string> users = {"ada", "grace"};
  const services::who listing{users};
  const std::string names = co_await answer(std::cref(listing), none);
  CHECK(names == "ada\r\ngrace\r\n");
  const std::string same_names = co_await answer_of<services::who_protocol>(none, unlimited, users);
  CHECK(same_names == names);
}

TASK_TEST("the time of day", "[services]") {
  const std::string none;
  const std::string text = co_await answer(services::daytime, none);
  CHECK(text.size() == 26);
  CHECK(text.ends_with("\r\n"));
  const std::string same = co_await answer_of<services::daytime_protocol>(none, unlimited);
  CHECK(same.size() == 26);
  const std::string seconds = co_await answer(services::time, none);
  CHECK(seconds.size() == 4);
  const std::string also = co_await answer_of<services::time_protocol>(none, unlimited);
  CHECK(also.size() == 4);
}

TEST_CASE("times as the RFCs have them", "[services]") {
  const std::chrono::system_clock::time_point when{1'599'616'000s};
  CHECK(services::daytime_text(when) == "Wed Sep  9 01:46:40 2020\r\n");
  // The examples of RFC 868: midnight of 1 January 1970 and 1976, and 1 May 1983.
  const auto number = [](std::chrono::seconds s) {
    std::uint32_t n = 0;
    for (const std::byte b : services::time_bytes(std::chrono::system_clock::time_point(s))) {
      n = n << 8 | std::to_integer<std::uint32_t>(b);
    }
    return n;
  };
  CHECK(number(0s) == 2'208'988'800);
  CHECK(number(189'302'400s) == 2'398'291'200);
  CHECK(number(420'595'200s) == 2'629'584'000);
  CHECK(number(std::chrono::seconds(2'085'978'496)) == 0);
}

}  // namespace
