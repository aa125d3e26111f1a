// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <wring/core/dump_tasks.hpp>
#include <wring/core/finally.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/thread_pool.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/names/system_resolver.hpp>
#include <wring/net/tcp_listener.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::ip_family;
using net::name_query;
using net::system_resolver;
using wring::detail::name_answer;
using wring::detail::name_failure;
using wring::detail::name_request;

/// What stands for the system, in all its threads.
struct scripted_system {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, int> asked;  // by host and family
  bool stuck = true;                 // lookups of hosts that begin with "stuck" hang
};
scripted_system the_system;

std::string key(const name_request& request) {
  return fmt::format("{} {}", request.host,
                     request.family == AF_INET    ? "v4"
                     : request.family == AF_INET6 ? "v6"
                                                  : "any");
}

name_answer with_addresses(std::initializer_list<const char*> texts) {
  name_answer answer;
  for (const char* const text : texts) {
    const net::socket_address address(net::ip_address(text), 0);
    auto& raw = answer.addresses.emplace_back();
    raw.size = address.size();
    std::memcpy(raw.bytes.data(), address.data(), address.size());
  }
  return answer;
}

name_answer failing(name_failure why, int number = 0) {
  name_answer answer;
  answer.failure = why;
  answer.error_number = number;
  return answer;
}

name_answer ask(const name_request& request) {
  std::unique_lock lock(the_system.mutex);
  ++the_system.asked[key(request)];
  the_system.changed.notify_all();
  const std::string& host = request.host;
  // Of "stuck6" only the lookup of both families hangs.
  if (host.starts_with("stuck") && (request.family != AF_INET || !host.starts_with("stuck6"))) {
    the_system.changed.wait(lock, [] { return !the_system.stuck; });
  }
  if (host == "unknown.example") return failing(name_failure::not_found);
  if (host == "down.example") return failing(name_failure::temporary);
  if (host == "refused.example") return failing(name_failure::refused);
  if (host == "broken.example") return failing(name_failure::system, EMFILE);
  if (!request.service.empty() && request.service != "http") return failing(name_failure::no_service);
  if (request.family == AF_INET) return with_addresses({"127.0.0.1"});
  if (request.family == AF_INET6) return with_addresses({"::1"});
  if (host == "many.example") {
    name_answer answer;
    for (int i = 0; i != 100; ++i) {
      const std::string address = fmt::format("192.0.2.{}", i);
      answer.addresses.push_back(with_addresses({address.c_str()}).addresses[0]);
    }
    return answer;
  }
  return with_addresses({"::1", "127.0.0.1", "::1"});
}

int times_asked(const std::string& what) {
  const std::lock_guard lock(the_system.mutex);
  return the_system.asked[what];
}

/// Begins anew with the system, and ends when none of its threads hangs any more.
class system_script {
 public:
  system_script() {
    const std::lock_guard lock(the_system.mutex);
    the_system.asked.clear();
    the_system.stuck = true;
  }
  ~system_script() {
    {
      const std::lock_guard lock(the_system.mutex);
      the_system.stuck = false;
    }
    the_system.changed.notify_all();
    while (thread_pool::names().stats().running + thread_pool::names().stats().queued != 0) ::usleep(100);
  }
};

task<std::string> answer(net::resolver& names, name_query query) {
  try {
    const auto addresses = co_await names.resolve(query);
    co_return fmt::format("{}", fmt::join(addresses, " "));
  } catch (const io_error& e) {
    co_return e.what();
  }
}

}  // namespace

TEST_CASE("a system_resolver gives what the system says, each address once", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({}, ask);
    const std::string both = co_await answer(names, {.host = "a.example", .service = "80"});
    CHECK(both == "[::1]:80 127.0.0.1:80");
    const std::string v4 = co_await answer(names, {.host = "a.example", .family = ip_family::v4});
    CHECK(v4 == "127.0.0.1:0");
    const std::string v6 = co_await answer(names, {.host = "a.example", .family = ip_family::v6});
    CHECK(v6 == "[::1]:0");
    const auto many = co_await names.resolve({.host = "many.example"});
    CHECK(many.size() == 64);
    CHECK(times_asked("a.example any") == 1);
    CHECK(times_asked("a.example v4") == 1);
    CHECK(times_asked("a.example v6") == 1);
  });
}

TEST_CASE("a system_resolver asks nobody about addresses, and what cannot be a name", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({}, ask);
    const std::string literal = co_await answer(names, {.host = "192.0.2.1", .service = "80"});
    CHECK(literal == "192.0.2.1:80");
    const std::string other = co_await answer(names, {.host = "192.0.2.1", .family = ip_family::v6});
    CHECK_THAT(other, ContainsSubstring("look up \"192.0.2.1\": the name does not exist, or has no address"));
    CHECK_THAT(other, ContainsSubstring("it is an address of the other family"));
    const std::string odd = co_await answer(names, {.host = "127.1"});
    CHECK_THAT(odd, ContainsSubstring("look up \"127.1\": not a valid address"));
    const std::string port = co_await answer(names, {.host = "a.example", .service = "65536"});
    CHECK_THAT(port, ContainsSubstring("look up \"65536\": not a valid address: a port is a number"));
    const std::lock_guard lock(the_system.mutex);
    CHECK(the_system.asked.empty());
  });
}

TEST_CASE("errors say what was looked up, and whether to ask again", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({}, ask);
    const std::string unknown = co_await answer(names, {.host = "unknown.example"});
    CHECK(unknown ==
          "look up \"unknown.example\": the name does not exist, or has no address; asking again will not help");
    const std::string down = co_await answer(names, {.host = "down.example"});
    CHECK(down == "look up \"down.example\": the name cannot be looked up for now; asking again may help");
    const std::string refused = co_await answer(names, {.host = "refused.example"});
    CHECK(refused == "look up \"refused.example\": the name servers refuse to answer; asking again will not help");
    const std::string broken = co_await answer(names, {.host = "broken.example"});
    CHECK(broken == "look up \"broken.example\": Too many open files (errno 24)");
    const std::string service = co_await answer(names, {.host = "a.example", .service = "no-such"});
    CHECK(service == "look up \"no-such\": not a valid address: the system knows no service of this name");
  });
}

TEST_CASE("equal lookups that are under way are one", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({}, ask);
    std::vector<std::string> answers(10);
    auto look_up = [&](std::size_t i) -> task<> {
      const std::string port = std::to_string(i);
      answers[i] = co_await answer(names, {.host = "a.example", .service = port});
    };
    auto body = [&](nursery& n) -> task<> {
      for (std::size_t i = 0; i != answers.size(); ++i) n.start(std::ref(look_up), i);
      co_return;
    };
    co_await with_nursery(std::ref(body));
    for (std::size_t i = 0; i != answers.size(); ++i) CHECK(answers[i] == fmt::format("[::1]:{0} 127.0.0.1:{0}", i));
    CHECK(times_asked("a.example any") == 1);
    // Nothing is remembered.
    static_cast<void>(co_await answer(names, {.host = "a.example"}));
    CHECK(times_asked("a.example any") == 2);
  });
}

TEST_CASE("a lookup goes on for those that are left when others are cancelled", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({.hedge_delay = wring::forever}, ask);
    std::string second;
    auto body = [&](nursery& n) -> task<> {
      child_handle first =
          n.start([&]() -> task<> { static_cast<void>(co_await answer(names, {.host = "stuck.example"})); });
      n.start([&]() -> task<> { second = co_await answer(names, {.host = "stuck.example"}); });
      co_await until([] { return times_asked("stuck.example any") == 1; });
      first.cancel();
      co_await yield();
      co_await yield();
      CHECK(first.done());
      CHECK(second.empty());
      const std::lock_guard lock(the_system.mutex);
      the_system.stuck = false;
      the_system.changed.notify_all();
    };
    co_await with_nursery(std::ref(body));
    CHECK(second == "[::1]:0 127.0.0.1:0");
    CHECK(times_asked("stuck.example any") == 1);
  });
}

TEST_CASE("a cancelled lookup ends at once, whatever the system does", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({}, ask);
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> { static_cast<void>(co_await answer(names, {.host = "stuck.example"})); });
      co_await until([] { return times_asked("stuck.example any") == 1; });
      CHECK_THAT(dump_tasks(), ContainsSubstring("look up \"stuck.example\""));
      n.cancel();
    };
    co_await with_nursery(std::ref(body));
    CHECK(thread_pool::names().stats().running >= 1);  // still, and the scheduler's end does not wait for it
  });
}

TEST_CASE("a name whose IPv6 is never answered for is connected to by IPv4", "[system_resolver][connect_by_name]") {
  const system_script script;
  run_net([]() -> task<> {
    const testing::leak_check leaks;
    system_resolver names({.hedge_delay = 5ms}, ask);
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const std::uint16_t port = listener.local_address().port();
    {
      const net::tcp_stream connected =
          co_await net::connect_tcp("stuck6.example", port, {.resolution_delay = 1ms, .resolver = &names});
      CHECK(connected.peer_address() == listener.local_address());
    }
    CHECK(times_asked("stuck6.example v4") == 1);
    co_await listener.close();
    // The task that asked has been cancelled, and ends now. Not until(), which has a frame.
    while (!leaks.check().empty()) co_await sleep_for(100us);
  });
}

TEST_CASE("a lookup that is hedged ends with all that the system says", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({.hedge_delay = 1ms}, ask);
    std::string all;
    auto body = [&](nursery& n) -> task<> {
      n.start([&]() -> task<> { all = co_await answer(names, {.host = "stuck6.example"}); });
      co_await until([] { return times_asked("stuck6.example v4") == 1; });
      co_await sleep_for(2ms);
      CHECK(all.empty());
      const std::lock_guard lock(the_system.mutex);
      the_system.stuck = false;
      the_system.changed.notify_all();
    };
    co_await with_nursery(std::ref(body));
    CHECK(all == "[::1]:0 127.0.0.1:0");
  });
}

TEST_CASE("more lookups than the pool takes fail at once", "[system_resolver]") {
  const system_script script;
  run_net([]() -> task<> {
    system_resolver names({.hedge_delay = wring::forever}, ask);
    const thread_pool_options limits = thread_pool::names().options();
    const std::size_t room = limits.threads + limits.queue_limit;
    CHECK(room == 16 + 256);
    std::vector<std::string> failures;
    auto look_up = [&](std::size_t i) -> task<> {
      const std::string host = fmt::format("stuck{}.example", i + 10000);
      failures.push_back(co_await answer(names, {.host = host}));
    };
    auto body = [&](nursery& n) -> task<> {
      for (std::size_t i = 0; i != limits.threads; ++i) n.start(std::ref(look_up), i);
      co_await until([&] { return thread_pool::names().stats().running == limits.threads; });
      for (std::size_t i = limits.threads; i != room; ++i) n.start(std::ref(look_up), i);
      co_await until([&] { return thread_pool::names().stats().queued == limits.queue_limit; });
      CHECK(failures.empty());
      n.start(std::ref(look_up), room);
      co_await until([&] { return !failures.empty(); });
      n.cancel();
    };
    co_await with_nursery(std::ref(body));
    REQUIRE(failures.size() == 1);
    CHECK_THAT(failures[0], ContainsSubstring("\"stuck10272.example\": more than the limit allows (limit 256)"));
  });
}

TEST_CASE("a lookup that begins while the scheduler ends fails", "[system_resolver]") {
  const system_script script;
  system_resolver names({}, ask);
  std::string failure;
  auto look_up = [&]() -> task<> { failure = co_await answer(names, {.host = "stuck.example"}); };
  auto never = [] { return sleep_for(wring::forever); };
  auto clean_up = [&]() -> task<> { co_await finally(never, look_up, wring::forever); };
  testing::run([&]() -> task<> {
    scheduler::current().root().start(std::ref(clean_up));
    co_await yield();
    co_await yield();
  });
  CHECK(failure == "look up \"stuck.example\": Operation canceled (errno 125)");
}

TEST_CASE("looking up is cancelled wherever it waits", "[system_resolver]") {
  const system_script script;
  const std::size_t points = testing::cancel_everywhere(
      []() -> task<> {
        system_resolver names({}, ask);
        static_cast<void>(co_await answer(names, {.host = "a.example"}));
        co_await yield();
      },
      {.real_time = true});
  CHECK(points >= 2);
}

TEST_CASE("the system knows localhost", "[system_resolver]") {
  run_net([]() -> task<> {
    system_resolver names;
    const auto addresses = co_await names.resolve({.host = "localhost", .service = "7"});
    REQUIRE(!addresses.empty());
    for (const net::socket_address& address : addresses) {
      CHECK(address.ip().is_loopback());
      CHECK(address.port() == 7);
    }
    const std::string service = co_await answer(names, {.host = "127.0.0.1", .service = "no-such-service"});
    CHECK(service == "look up \"no-such-service\": not a valid address: the system knows no service of this name");
  });
}
