// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/testing/sink_conformance.hpp>

#include "support/byte_ends.hpp"
#include "support/tcp_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using testing::check_sink;

namespace {

enum class defect {
  none,
  changes_a_byte,
  drops_large_writes,
  writes_after_the_end,
  end_fails_twice,
  end_cuts,
  heals_torn_writes,
  writes_before_it_looks,
};

/// A memory stream's end as a sink, with something wrong about it.
class flawed_sink {
 public:
  flawed_sink(net::memory_stream inner, defect d)
      : inner_(std::make_unique<net::memory_stream>(std::move(inner))), defect_(d) {}

  task<> write_all(std::span<const std::byte> data) {
    std::vector<std::byte> bytes(data.begin(), data.end());
    if (!bytes.empty() && defect_ == defect::changes_a_byte) bytes.back() ^= std::byte{1};
    if (defect_ == defect::drops_large_writes && bytes.size() > 10'000) bytes.resize(10'000);
    if (ended_ && defect_ == defect::writes_after_the_end) co_return;
    const auto outcome = co_await inner_->write_all(std::span<const std::byte>(bytes)).result();
    if (!outcome && outcome.error() == errc::write_torn && defect_ == defect::heals_torn_writes) co_return;
    outcome.value();
    if (defect_ == defect::writes_before_it_looks) {
      for (int i = 0; i != 3; ++i) co_await yield();
    }
  }

  task<> shut_down_write() {
    if (std::exchange(ended_, true) && defect_ == defect::end_fails_twice) error(errc::closed, "shut down").raise();
    if (defect_ == defect::end_cuts) {
      inner_->abort();
    } else {
      co_await inner_->shut_down_write();
    }
  }

 private:
  std::unique_ptr<net::memory_stream> inner_;
  defect defect_;
  bool ended_ = false;
};

void check_flawed(defect d) {
  testing::run([&]() -> task<> {
    const auto make = [&] {
      auto [near, far] = net::make_memory_stream_pair({.capacity = std::size_t{10} * 1024});
      return std::pair(flawed_sink(std::move(near), d), std::move(far));
    };
    co_await check_sink(std::cref(make), {.patience = 60s});
  });
}

}  // namespace

TEST_CASE("a sink that is nothing else conforms", "[sink_conformance]") {
  const testing::leak_check leaks;
  testing::run([]() -> task<> {
    for (const std::size_t capacity : {100U, 50'000U, 1'000'000U}) {
      const auto make = [&] {
        tests::text_sink sink(capacity);
        auto far = sink.other_end();
        return std::pair(std::move(sink), std::move(far));
      };
      co_await check_sink(std::cref(make));
    }
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("memory streams are sinks", "[sink_conformance]") {
  for (const net::memory_stream_options& options :
       {net::memory_stream_options{}, net::memory_stream_options{.capacity = 1024, .read_chunk = 100},
        net::memory_stream_options{.capacity = 5000, .read_chunk = 3000, .chunk_seed = 42},
        net::memory_stream_options{.delay = 200us}}) {
    testing::run([&]() -> task<> {
      const auto make = [&] { return net::make_memory_stream_pair(options); };
      co_await check_sink(std::cref(make));
    });
  }
}

TEST_CASE("TCP streams are sinks", "[sink_conformance][real_fd]") {
  testing::run([]() -> task<> {
    const auto make = []() -> task<std::pair<net::tcp_stream, net::tcp_stream>> {
      co_await yield();
      tests::stream_pair pair = tests::make_stream_pair();
      co_return std::pair(std::move(pair.a), std::move(pair.b));
    };
    co_await check_sink(std::cref(make));
  });
}

TEST_CASE("a sink that breaks a rule is found out", "[sink_conformance]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::MessageMatches;
  const auto [flaw, report] = GENERATE(table<defect, std::string>({
      {defect::changes_a_byte, "byte 0 is"},
      {defect::drops_large_writes, "bytes arrive as they were written"},
      {defect::writes_after_the_end, "a write after shut_down_write succeeded"},
      {defect::end_fails_twice, "shut_down_write is the end"},
      {defect::end_cuts, "a sink broke the rule"},
      {defect::heals_torn_writes, "a write that is cancelled is reported as it was"},
      {defect::writes_before_it_looks, "a write that is cancelled is reported as it was"},
  }));
  INFO(report);
  CHECK_THROWS_MATCHES(check_flawed(flaw), testing::check_failed, MessageMatches(ContainsSubstring(report)));
}

TEST_CASE("the sink that the flawed ones are made of conforms", "[sink_conformance]") {
  CHECK_NOTHROW(check_flawed(defect::none));
}
