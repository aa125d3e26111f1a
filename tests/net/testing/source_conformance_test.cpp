// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/awaiter.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/testing/source_conformance.hpp>

#include "support/byte_ends.hpp"
#include "support/tcp_support.hpp"

using namespace std::chrono_literals;
using namespace wring;
using testing::check_source;

namespace {

enum class defect {
  none,
  changes_a_byte,
  goes_on,
  stops_short,
  gives_nothing_between,
  end_turns_into_error,
  uses_memory_again,
  loses_cancelled_read,
  runs_in_cancelled_scopes,
};

/// A read that does not look at its scope.
class stubborn_wait final : public leaf<stubborn_wait, buffer_lease> {
 public:
  static constexpr bool cancellable = false;

  explicit stubborn_wait(std::span<const std::byte>& left) noexcept : left_(left) {}
  bool ready() noexcept { return true; }
  void suspend() noexcept {}
  void cancel() noexcept override {}
  buffer_lease take() { return buffer_lease::copy_of(std::exchange(left_, {})); }
  wring::result<buffer_lease> take_result() { return take(); }
  wait_description describe() const noexcept override { return {.operation = "read stubbornly"}; }

 private:
  std::span<const std::byte>& left_;
};

struct stubborn_source {
  explicit stubborn_source(std::span<const std::byte> content) : left(content) {}
  auto read_some() noexcept { return stubborn_wait(left); }
  std::span<const std::byte> left;
};

/// A source with something wrong about it.
class flawed_source {
 public:
  flawed_source(std::span<const std::byte> content, defect d) : left_(content), size_(content.size()), defect_(d) {}

  task<buffer_lease> read_some() {
    ++reads_;
    if (defect_ != defect::loses_cancelled_read) co_await yield();
    if (left_.empty() && std::exchange(ended_, true) && defect_ == defect::end_turns_into_error) {
      error::from_errno(EIO, "read").raise();
    }
    if (defect_ == defect::stops_short && left_.size() * 2 < size_) left_ = {};
    if (defect_ == defect::gives_nothing_between && reads_ == 2) co_return buffer_lease();
    if (defect_ == defect::goes_on && left_.empty() && size_ != 0) co_return buffer_lease::copy_of(one_);
    const auto next = left_.first(std::min<std::size_t>(left_.size(), 100));
    left_ = left_.subspan(next.size());
    if (defect_ == defect::loses_cancelled_read) co_await sleep_for(50us);
    if (defect_ == defect::uses_memory_again) {
      std::ranges::copy(next, memory_->begin());
      co_return buffer_lease(memory_->data(), next.size(), [](void*, std::uint32_t) noexcept {}, nullptr);
    }
    buffer_lease chunk = buffer_lease::copy_of(next);
    if (chunk && defect_ == defect::changes_a_byte) *chunk.data() ^= std::byte{1};
    co_return chunk;
  }

 private:
  static constexpr std::array<std::byte, 1> one_{};

  std::span<const std::byte> left_;
  std::size_t size_;
  defect defect_;
  std::unique_ptr<std::array<std::byte, 100>> memory_ = std::make_unique<std::array<std::byte, 100>>();
  unsigned reads_ = 0;
  bool ended_ = false;
};

void check_flawed(defect d) {
  testing::run([&]() -> task<> {
    if (d == defect::runs_in_cancelled_scopes) {
      co_await check_source([](std::span<const std::byte> content) { return stubborn_source(content); });
    } else {
      const auto make = [&](std::span<const std::byte> content) { return flawed_source(content, d); };
      co_await check_source(std::cref(make));
    }
  });
}

/// One end of a stream, whose other end has written all.
template <class Stream>
struct fed_stream {
  Stream far;
  Stream near;
  auto read_some() { return near.read_some(); }
};

}  // namespace

TEST_CASE("a source that is nothing else conforms", "[source_conformance]") {
  const testing::leak_check leaks;
  testing::run([]() -> task<> {
    for (const std::size_t piece : {1U, 7U, 100'000U}) {
      const auto make = [&](std::span<const std::byte> content) { return tests::text_source(content, piece); };
      co_await check_source(std::cref(make));
    }
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("memory streams are sources", "[source_conformance]") {
  for (const net::memory_stream_options& options :
       {net::memory_stream_options{}, net::memory_stream_options{.read_chunk = 100},
        net::memory_stream_options{.read_chunk = 3000, .chunk_seed = 42}, net::memory_stream_options{.delay = 200us}}) {
    testing::run([&]() -> task<> {
      const auto make = [&](std::span<const std::byte> content) -> task<fed_stream<net::memory_stream>> {
        auto [far, near] = net::make_memory_stream_pair(options);
        co_await far.write_all(content);
        co_await far.shut_down_write();
        co_return fed_stream<net::memory_stream>{std::move(far), std::move(near)};
      };
      co_await check_source(std::cref(make));
    });
  }
}

TEST_CASE("TCP streams are sources", "[source_conformance][real_fd]") {
  testing::run([]() -> task<> {
    const auto make = [](std::span<const std::byte> content) -> task<fed_stream<net::tcp_stream>> {
      tests::stream_pair pair = tests::make_stream_pair();
      co_await pair.a.write_all(content);
      co_await pair.a.shut_down_write();
      co_return fed_stream<net::tcp_stream>{std::move(pair.a), std::move(pair.b)};
    };
    co_await check_source(std::cref(make));
  });
}

TEST_CASE("a source that breaks a rule is found out", "[source_conformance]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::MessageMatches;
  const auto [flaw, report] = GENERATE(table<defect, std::string>({
      {defect::changes_a_byte, "byte 0 is"},
      {defect::goes_on, "but it was made of 1"},
      {defect::stops_short, "it ended after 600 bytes of 1000"},
      {defect::gives_nothing_between, "it ended after 100 bytes of 1000"},
      {defect::end_turns_into_error, "a read after the end failed"},
      {defect::uses_memory_again, "a chunk stays as it is"},
      {defect::loses_cancelled_read, "a cancelled read has taken nothing"},
      {defect::runs_in_cancelled_scopes, "a read in a cancelled scope ran"},
  }));
  INFO(report);
  CHECK_THROWS_MATCHES(check_flawed(flaw), testing::check_failed, MessageMatches(ContainsSubstring(report)));
}

TEST_CASE("the source that the flawed ones are made of conforms", "[source_conformance]") {
  CHECK_NOTHROW(check_flawed(defect::none));
}

TEST_CASE("a source that never gives anything is given up", "[source_conformance]") {
  struct silent_source {
    static task<buffer_lease> read_some() {
      for (;;) co_await sleep_for(1h);
    }
  };
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::MessageMatches;
  const auto check = [] {
    testing::run([]() -> task<> {
      co_await check_source([](std::span<const std::byte>) { return silent_source(); }, {.patience = 20ms});
    });
  };
  CHECK_THROWS_MATCHES(check(), testing::check_failed,
                       MessageMatches(ContainsSubstring("it was not over after 20 ms")));
}
