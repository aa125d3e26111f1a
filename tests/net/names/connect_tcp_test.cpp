// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <wring/core/dump_tasks.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/testing/name_table.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::attempt_state;
using net::connect_tcp;
using net::name_connect_report;
using net::socket_address;
using testing::name_table;

/// Sockets on one port: 127.0.0.1 answers, 127.0.0.2 does not, and at all others the connection is refused.
class hosts {
 public:
  hosts() : answering_(raw_socket::listening()), silent_(raw_socket::make()) {
    const socket_address silent(net::ip_address("127.0.0.2"), port());
    checked(::bind(silent_.get(), silent.data(), silent.size()), "bind");
    checked(::listen(silent_.get(), 0), "listen");
    // One connection fills its backlog.
    filling_ = raw_socket::connected_to(silent);
  }
  [[nodiscard]] std::uint16_t port() const { return answering_.address().port(); }
  /// "127.0.0.1:PORT"
  [[nodiscard]] std::string at(std::string_view host) const { return fmt::format("{}:{}", host, port()); }

 private:
  raw_socket answering_;
  raw_socket silent_;
  raw_socket filling_{-1};
};

struct call_end {
  std::string failure = "none";
  std::string peer = {};
  bool timed_out = false;
};

/// Connects, and says how that ended.
template <class... Args>
task<call_end> connect(Args... args) {
  call_end end;
  try {
    const net::tcp_stream connected = co_await connect_tcp(args...);
    end.peer = connected.peer_address().to_string();
  } catch (const io_error& e) {
    end.failure = e.what();
    end.timed_out = dynamic_cast<const timeout_error*>(&e) != nullptr;
  }
  co_return end;
}

/// The hosts that were tried, each with when it began, in milliseconds.
std::string tried(const name_connect_report& report) {
  std::string text;
  for (const auto& attempt : report.attempts) {
    text += fmt::format("{} {}; ", attempt.candidate.ip(), attempt.started.count() / 1'000'000);
  }
  return text;
}

}  // namespace

TEST_CASE("connecting by name tries the name's addresses", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    name_table names;
    names.add("server.example", {"::1", "127.0.0.3", "127.0.0.1"});  // refused, refused
    net::use_resolver(&names);
    name_connect_report report;
    const call_end end = co_await connect("server.example", h.port(), net::name_connect_options{.report = &report});
    CHECK(end.peer == h.at("127.0.0.1"));
    REQUIRE(report.addresses.size() == 3);
    CHECK(report.addresses[0] == socket_address(net::ip_address("::1"), h.port()));
    REQUIRE(report.attempts.size() == 3);
    CHECK(report.attempts[0].state == attempt_state::failed);
    CHECK(report.attempts[1].state == attempt_state::failed);
    CHECK(*report.attempts[1].fault == std::errc::connection_refused);
    CHECK(report.attempts[2].state == attempt_state::connected);
    net::use_resolver(nullptr);
  });
}

TEST_CASE("host and port are given in several forms", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    name_table names;
    names.add("server.example", {"127.0.0.1"});
    const net::name_connect_options options{.resolver = &names};
    const std::string port = std::to_string(h.port());
    const std::string name_and_port = h.at("server.example");
    const std::string address_and_port = h.at("127.0.0.1");
    const call_end by_number = co_await connect("server.example", h.port(), options);
    CHECK(by_number.peer == h.at("127.0.0.1"));
    const call_end by_text = co_await connect("server.example", std::string_view(port), options);
    CHECK(by_text.peer == h.at("127.0.0.1"));
    const call_end in_one = co_await connect(std::string_view(name_and_port), options);
    CHECK(in_one.peer == h.at("127.0.0.1"));
    CHECK(names.lookups("server.example") == 3);
    const call_end by_address = co_await connect(std::string_view(address_and_port));
    CHECK(by_address.peer == h.at("127.0.0.1"));
    const call_end bad = co_await connect("server.example");
    CHECK(bad.failure == "connect to \"server.example\": not a valid address: the port is missing: write HOST:PORT");
  });
}

TEST_CASE("the families take turns", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    name_table names;
    names.add("six.example", {"::1", "::ffff:127.0.0.3", "::ffff:127.0.0.4", "127.0.0.5", "127.0.0.6"});
    names.add("four.example", {"127.0.0.5", "127.0.0.6", "::1", "127.0.0.7"});
    name_connect_report report;
    net::name_connect_options options{.local = {}, .resolver = &names, .report = &report};
    const auto order = [&](std::string_view host) -> task<std::string> {
      static_cast<void>(co_await connect(host, h.port(), options));
      std::string text;
      for (const auto& attempt : report.attempts) text += attempt.candidate.ip().to_string() + ' ';
      co_return text;
    };
    const std::string six = co_await order("six.example");
    CHECK(six == "::1 127.0.0.5 ::ffff:127.0.0.3 127.0.0.6 ::ffff:127.0.0.4 ");
    const std::string four = co_await order("four.example");
    CHECK(four == "127.0.0.5 ::1 127.0.0.6 127.0.0.7 ");
    options.family = net::ip_family::v4;
    const std::string only_four = co_await order("six.example");
    CHECK(only_four == "127.0.0.5 127.0.0.6 ");
    options.family = net::ip_family::any;
    options.local = socket_address("127.0.0.9:0");  // as good as a family
    const std::string from_four = co_await order("six.example");
    CHECK(from_four == "127.0.0.5 127.0.0.6 ");
  });
}

TEST_CASE("a silent address costs a quarter of a second", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    name_table names;
    names.add("server.example", {"127.0.0.2", "127.0.0.2", "127.0.0.1"}, 10ms);
    name_connect_report report;
    const call_end end =
        co_await connect("server.example", h.port(), net::name_connect_options{.resolver = &names, .report = &report});
    CHECK(end.peer == h.at("127.0.0.1"));
    CHECK(report.looked_up == 10ms);
    CHECK(tried(report) == "127.0.0.2 10; 127.0.0.1 260; ");  // no resolution delay: there is no more to come
    CHECK(report.attempts[0].state == attempt_state::overtaken);
  });
}

TEST_CASE("IPv6 goes first if its addresses come a moment later than IPv4's", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    name_table names;
    names.add("soon.example", {"127.0.0.1"}, 100ms);
    names.add("soon.example", {"::1"}, 130ms);
    names.add("late.example", {"127.0.0.2", "127.0.0.2", "127.0.0.3"}, 100ms);
    names.add("late.example", {"::1"}, 200ms);
    names.add("late.example", {"127.0.0.1"}, 250ms);
    names.add("first.example", {"::1"}, 100ms);
    names.add("first.example", {"127.0.0.1"}, 1s);
    name_connect_report report;
    const net::name_connect_options options{.resolver = &names, .report = &report};
    const call_end soon = co_await connect("soon.example", h.port(), options);
    CHECK(soon.peer == h.at("127.0.0.1"));
    CHECK(tried(report) == "::1 130; 127.0.0.1 130; ");
    const call_end late = co_await connect("late.example", h.port(), options);
    CHECK(late.peer == h.at("127.0.0.1"));
    CHECK(tried(report) == "127.0.0.2 150; ::1 400; 127.0.0.3 400; 127.0.0.1 400; ");
    const call_end first = co_await connect("first.example", h.port(), options);
    CHECK(first.peer == h.at("127.0.0.1"));
    CHECK(tried(report) == "::1 100; 127.0.0.1 1000; ");
  });
}

TEST_CASE("one answers of twenty addresses that do not", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    name_table names;
    for (int i = 0; i != 19; ++i) names.add("server.example", {fmt::format("127.0.1.{}", i)});
    names.add("server.example", {"127.0.0.1"});
    const auto begin = steady_clock::now();
    const call_end end = co_await connect("server.example", h.port(), net::name_connect_options{.resolver = &names});
    CHECK(end.peer == h.at("127.0.0.1"));
    CHECK(steady_clock::now() - begin < 250ms);  // no attempt has waited for its turn
    for (int i = 20; i != 90; ++i) names.add("server.example", {fmt::format("127.0.2.{}", i)});
    name_connect_report report;
    const call_end elsewhere = co_await connect("server.example", std::uint16_t{1},
                                                net::name_connect_options{.resolver = &names, .report = &report});
    CHECK(report.addresses.size() == 64);
    CHECK_THAT(elsewhere.failure,
               ContainsSubstring("none of 64 addresses has answered: 127.0.1.0:1: Connection refused"));
    CHECK_THAT(elsewhere.failure, ContainsSubstring("; and 56 more"));
  });
}

TEST_CASE("errors name the host, and what has become of its addresses", "[connect_by_name][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    testing::clock time;
    time.jump_when_idle();
    name_table names;
    names.add("one.example", {"127.0.0.3"});
    names.add("two.example", {"127.0.0.3", "127.0.0.4"});
    names.add("silent.example", {"127.0.0.3", "127.0.0.2"});
    names.fail("down.example", errc::name_unavailable);
    names.fail("slow.example", errc::name_unavailable, wring::forever);
    const auto failure = [&](std::string_view host, duration timeout = wring::forever) -> task<call_end> {
      co_return co_await connect(host, h.port(), net::name_connect_options{.timeout = timeout, .resolver = &names});
    };
    const std::string refused = ": Connection refused (errno 111)";
    const call_end one = co_await failure("one.example");
    CHECK(one.failure == "connect to \"" + h.at("one.example") + "\": " + h.at("127.0.0.3") + refused);
    const call_end two = co_await failure("two.example");
    CHECK(two.failure == "connect to \"" + h.at("two.example") + "\": none of 2 addresses has answered: " +
                             h.at("127.0.0.3") + refused + "; " + h.at("127.0.0.4") + refused);
    CHECK(!two.timed_out);
    const call_end address = co_await failure("127.0.0.3");
    CHECK(address.failure == "connect to " + h.at("127.0.0.3") + refused);
    const call_end silent = co_await failure("silent.example", 3s);
    CHECK(silent.failure == "connect to \"" + h.at("silent.example") + "\": none of 2 addresses has answered: " +
                                h.at("127.0.0.3") + refused + "; " + h.at("127.0.0.2") + ": timed out");
    CHECK(silent.timed_out);
    const call_end unknown = co_await failure("no.such.name.anywhere.example");
    CHECK(
        unknown.failure ==
        "look up \"no.such.name.anywhere.example\": the name does not exist, or has no address; asking again will not "
        "help");
    const call_end down = co_await failure("down.example");
    CHECK(down.failure == "look up \"down.example\": the name cannot be looked up for now; asking again may help");
    const call_end slow = co_await failure("slow.example", 5s);
    CHECK(slow.failure == "look up \"slow.example\": timed out");
    CHECK(slow.timed_out);
    const call_end never = co_await failure("one.example", 0s);
    CHECK(never.failure == "connect to \"" + h.at("one.example") + "\": timed out");
    const call_end odd = co_await failure("127.1");
    CHECK_THAT(odd.failure, ContainsSubstring("\"127.1\": not a valid address"));

    const auto as_value = co_await connect_tcp("two.example", h.port(), {.resolver = &names}).result();
    REQUIRE(!as_value);
    CHECK(as_value.error().message() ==
          "connect to " + h.at("127.0.0.3") + refused + ": all other attempts failed too");
  });
}

TEST_CASE("connecting by name is cancelled wherever it waits, and leaves nothing", "[connect_by_name][real_fd]") {
  const hosts h;
  const std::size_t points = testing::cancel_everywhere([&]() -> task<> {
    name_table names;
    names.add("server.example", {"127.0.0.2"}, 10ms);
    names.add("server.example", {"::1", "127.0.0.3", "127.0.0.1"}, 100ms);
    const net::tcp_stream connected =
        co_await connect_tcp("server.example", h.port(), {.timeout = 10s, .resolver = &names});
    co_await yield();
  });
  CHECK(points >= 8);
}

TEST_CASE("a dump says what connecting by name waits for", "[connect_by_name][dump_tasks][real_fd]") {
  const hosts h;
  run_net([&]() -> task<> {
    name_table names;
    names.add("server.example", {"127.0.0.2"});
    auto connect_it = [&]() -> task<> {
      static_cast<void>(co_await connect_tcp("server.example", h.port(), {.resolution_delay = 0s, .resolver = &names}));
    };
    auto body = [&](nursery& n) -> task<> {
      n.start(std::ref(connect_it));
      for (int i = 0; i != 20; ++i) co_await yield();
      const std::string dump = dump_tasks();
      CHECK_THAT(dump, ContainsSubstring("attempts to connect"));
      CHECK_THAT(dump, ContainsSubstring("connect to " + h.at("127.0.0.2")));
      n.cancel();
    };
    co_await with_nursery(std::ref(body));
  });
}
