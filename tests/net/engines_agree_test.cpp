// SPDX-License-Identifier: MIT
// The same random conversations on io_uring, on epoll and in a simulation, as who takes part in them sees it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/testing/run.hpp>

#include "conversation.hpp"
#include "support/engines.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

constexpr bool instrumented = WRING_ADDRESS_SANITIZER != 0 || WRING_THREAD_SANITIZER != 0;

const char* name_of(engine_kind kind) {
  return kind == engine_kind::simulation ? "simulation" : kind == engine_kind::epoll ? "epoll" : "io_uring";
}

/// What is observed of the scripts `first` to `last`.
std::vector<std::string> hold(engine_kind kind, std::uint64_t first, std::uint64_t last, bool batched = false) {
  scheduler_options options;
  options.engine.kind = kind;
  if (batched) options.batch_sends_from = 0;
  return testing::run(
      [&]() -> task<std::vector<std::string>> {
        REQUIRE(std::string_view(scheduler::current().engine().name()) == name_of(kind));
        std::vector<std::string> seen;
        auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
        for (std::uint64_t number = first; number != last; ++number) {
          conversation c(number);
          const auto holding = [&]() -> task<std::string> { return c.hold(listener); };
          try {
            seen.push_back(co_await with_timeout(20s, holding));
          } catch (const std::exception& e) {
            seen.push_back(e.what());
          }
        }
        co_return seen;
      },
      options);
}

}  // namespace

TEST_CASE("what conversations are seen to do does not depend on the engine", "[tcp][engines][real_fd]") {
  if (without_io_uring()) SKIP("compares both engines");
  const no_chosen_engine meanwhile;
  constexpr std::uint64_t scripts = instrumented ? 1000 : 10'000;
  constexpr std::uint64_t batch = 100;
  std::size_t words = 0;
  for (std::uint64_t first = 0; first != scripts; first += batch) {
    const std::vector<std::string> a = hold(engine_kind::io_uring, first, first + batch, first / batch % 2 == 0);
    const std::vector<std::string> b = hold(engine_kind::epoll, first, first + batch);
    const bool simulated = first < scripts / 5;
    const std::vector<std::string> c = simulated ? hold(engine_kind::simulation, first, first + batch) : b;
    for (std::size_t i = 0; i != batch; ++i) {
      CAPTURE(first + i, a[i]);
      REQUIRE(a[i] == b[i]);
      REQUIRE(c[i] == b[i]);
      REQUIRE(a[i].find_first_of("WRE") == std::string::npos);  // what no engine may do
      words += a[i].size();
    }
  }
  REQUIRE(words > 20 * scripts);
}
