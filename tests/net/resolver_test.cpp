// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/run.hpp>
#include <wring/net/detail/chosen_resolver.hpp>
#include <wring/net/names/default_resolver.hpp>
#include <wring/net/names/system_resolver.hpp>
#include <wring/net/resolver.hpp>

using namespace wring;

namespace {

/// Knows one address for everything.
class constant final : public net::resolver {
 public:
  explicit constant(std::string_view address) : address_(address) {}
  task<std::vector<net::socket_address>> resolve(net::name_query) override {
    co_return std::vector(2, net::socket_address(address_));
  }

 private:
  std::string address_;
};

class counting_sink final : public net::address_sink {
 public:
  void add(std::span<const net::socket_address> addresses) override {
    ++parts;
    count += addresses.size();
  }
  int parts = 0;
  std::size_t count = 0;
};

task<std::string> first_of(std::string_view host) {
  const auto addresses = co_await net::resolve(host, "80");
  co_return addresses.front().to_string();
}

}  // namespace

TEST_CASE("a resolver that gives all at once gives them as one part", "[resolver]") {
  testing::run([]() -> task<> {
    constant one("192.0.2.1:1");
    counting_sink sink;
    co_await one.resolve_in_parts({.host = "any"}, sink);
    CHECK(sink.parts == 1);
    CHECK(sink.count == 2);
  });
}

TEST_CASE("a scheduler's tasks look up names with what the program has chosen", "[resolver]") {
  CHECK_THROWS_AS(net::use_resolver(nullptr), std::logic_error);
  testing::run([]() -> task<> {
    constant chosen("192.0.2.1:1");
    constant world("192.0.2.2:2");
    net::resolver* const before = scheduler::current().service<net::detail::chosen_resolver>().of_world;
    CHECK(dynamic_cast<net::system_resolver*>(&net::default_resolver()) != nullptr);
    net::use_resolver(&chosen);
    CHECK(&net::default_resolver() == &chosen);
    const std::string by_program = co_await first_of("any.example");
    CHECK(by_program == "192.0.2.1:1");

    // A simulated world stands for the system, which is not asked.
    scheduler::current().service<net::detail::chosen_resolver>().of_world = &world;
    const std::string still = co_await first_of("any.example");
    CHECK(still == "192.0.2.1:1");
    net::use_resolver(nullptr);
    const std::string of_world = co_await first_of("any.example");
    CHECK(of_world == "192.0.2.2:2");
    net::system_resolver system;
    const auto addresses = co_await system.resolve({.host = "any.example"});
    CHECK(addresses.front().to_string() == "192.0.2.2:2");
    counting_sink sink;
    co_await system.resolve_in_parts({.host = "any.example"}, sink);
    CHECK(sink.count == 2);
    scheduler::current().service<net::detail::chosen_resolver>().of_world = before;
    CHECK(dynamic_cast<net::system_resolver*>(&net::default_resolver()) != nullptr);
  });
  testing::run([]() -> task<> {
    CHECK(dynamic_cast<net::system_resolver*>(&net::default_resolver()) != nullptr);
    co_return;
  });
}
