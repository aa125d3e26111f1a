// SPDX-License-Identifier: MIT
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

#include <wring/core/sync/mutex.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/testing/stream_conformance.hpp>

#include "support/framed_stream.hpp"

using namespace std::chrono_literals;
using namespace wring;
using net::stream_observer;
using testing::check_stream;
using testing::stream_pair;

namespace {

enum class defect {
  none,
  changes_a_byte,
  drops_parts,
  takes_for_nothing,
  half_duplex,
  interleaves,
  lets_readers_mix,
  end_turns_into_error,
  shuts_down_both,
  writes_after_shut_down,
  shut_down_overtakes,
  close_drops,
  close_leaves_reader,
  outlives_destruction,
  abort_looks_like_close,
  ignores_a_gone_peer,
  loses_cancelled_read,
  heals_torn_writes,
  misreports_cancelled_write,
  hides_arrivals,
  hides_the_end,
  loses_what_it_tries,
  loses_what_is_there,
};

/// A memory stream with something wrong about it.
class flawed_stream {
 public:
  flawed_stream(net::memory_stream inner, defect d)
      : inner_(std::make_shared<net::memory_stream>(std::move(inner))), defect_(d) {
    if (d == defect::outlives_destruction) immortal = inner_;
  }

  static inline std::shared_ptr<net::memory_stream> immortal;

  task<buffer_lease> read_some() {
    const mutex::guard turn = co_await take_turn();
    if (defect_ == defect::lets_readers_mix) {
      const mutex::guard alone = co_await reading_->lock();
      co_return co_await inner_->read_some();
    }
    if (ended_ && defect_ == defect::end_turns_into_error) error::from_errno(EIO, "read").raise();
    buffer_lease got = co_await inner_->read_some();
    if (defect_ == defect::loses_cancelled_read) co_await yield();
    ended_ = got.empty();
    if (got && defect_ == defect::changes_a_byte) *got.data() ^= std::byte{1};
    co_return got;
  }

  task<std::size_t> read(std::span<std::byte> into) {
    if (into.empty() && defect_ == defect::takes_for_nothing) {
      const buffer_lease taken = co_await read_some();
      co_return 0U;
    }
    if (into.empty()) co_return 0U;
    const mutex::guard turn = co_await take_turn();
    if (defect_ == defect::lets_readers_mix) {
      const mutex::guard alone = co_await reading_->lock();
      co_return co_await inner_->read(into);
    }
    if (ended_ && defect_ == defect::end_turns_into_error) error::from_errno(EIO, "read").raise();
    const std::size_t count = co_await inner_->read(into);
    if (defect_ == defect::loses_cancelled_read) co_await yield();
    ended_ = count == 0;
    co_return count;
  }

  task<> write_all(std::span<const std::byte> data) {
    const mutex::guard turn = co_await take_turn();
    ++writes_;
    result<void> outcome;
    if (defect_ == defect::interleaves) {
      outcome = co_await inner_->write_all(data.first(data.size() / 2)).result();
      data = data.subspan(data.size() / 2);
    }
    if (outcome) outcome = co_await inner_->write_all(data).result();
    for (int i = 0; i != 3 && defect_ == defect::misreports_cancelled_write; ++i) co_await yield();
    --writes_;
    if (outcome || (shut_ && defect_ == defect::writes_after_shut_down) ||
        (outcome.error() == std::errc::broken_pipe && defect_ == defect::ignores_a_gone_peer) ||
        (outcome.error() == errc::write_torn && defect_ == defect::heals_torn_writes)) {
      co_return;
    }
    outcome.error().raise();
  }

  task<> write_all(std::span<const std::span<const std::byte>> parts) {
    if (defect_ == defect::drops_parts && !parts.empty()) parts = parts.first(1);
    co_await inner_->write_all(parts);
  }

  task<> shut_down_write() {
    shut_ = true;
    if (defect_ == defect::shuts_down_both || (defect_ == defect::shut_down_overtakes && writes_ != 0)) {
      co_await inner_->close();
    } else {
      co_await inner_->shut_down_write();
    }
  }

  task<> close() {
    if (std::exchange(closed_, true)) co_return;
    if (defect_ == defect::close_leaves_reader) {
      co_await inner_->shut_down_write();
    } else if (defect_ == defect::close_drops) {
      inner_->abort();
    } else {
      co_await inner_->close();
    }
  }

  buffer_lease try_read_some() noexcept {
    buffer_lease chunk = inner_->try_read_some();
    if (defect_ == defect::loses_what_is_there && !chunk.empty()) chunk.consume(1);
    return chunk;
  }
  std::size_t received_ahead() const noexcept { return inner_->received_ahead(); }

  std::size_t try_write(std::span<const std::span<const std::byte>> parts) noexcept {
    if (defect_ != defect::loses_what_it_tries) return inner_->try_write(parts);
    const std::size_t count = inner_->try_write(parts.first(1));
    return count == 0 ? 0 : count + 1;
  }

  bool watch(stream_observer* observer) noexcept {
    observer_ = std::make_unique<filter>(observer, defect_);
    return inner_->watch(observer != nullptr ? observer_.get() : nullptr);
  }

  void abort() noexcept {
    if (defect_ == defect::abort_looks_like_close) {
      const net::memory_stream gone(std::move(*inner_));
    } else {
      inner_->abort();
    }
  }

 private:
  class filter final : public stream_observer {
   public:
    filter(stream_observer* told, defect d) noexcept : told_(told), defect_(d) {}
    void arrived() noexcept override {
      if (defect_ != defect::hides_arrivals) told_->arrived();
    }
    void ended(const error* fault) noexcept override {
      if (defect_ != defect::hides_the_end) told_->ended(fault);
    }

   private:
    stream_observer* told_;
    defect defect_;
  };

  task<mutex::guard> take_turn() {
    if (defect_ == defect::half_duplex) co_return co_await everything_->lock();
    co_return mutex::guard();
  }

  std::shared_ptr<net::memory_stream> inner_;
  defect defect_;
  std::unique_ptr<filter> observer_;
  std::unique_ptr<mutex> everything_ = std::make_unique<mutex>();
  std::unique_ptr<mutex> reading_ = std::make_unique<mutex>();
  unsigned writes_ = 0;
  bool ended_ = false;
  bool shut_ = false;
  bool closed_ = false;
};

/// Those that make somebody wait for ever.
bool hangs(defect d) {
  return d == defect::takes_for_nothing || d == defect::half_duplex || d == defect::lets_readers_mix ||
         d == defect::close_leaves_reader || d == defect::outlives_destruction || d == defect::loses_cancelled_read ||
         d == defect::hides_arrivals || d == defect::hides_the_end;
}

void check_flawed(defect d) {
  testing::run([&]() -> task<> {
    const auto make = [&] {
      auto [a, b] = net::make_memory_stream_pair({.capacity = std::size_t{10} * 1024});
      return std::pair(flawed_stream(std::move(a), d), flawed_stream(std::move(b), d));
    };
    co_await check_stream(std::cref(make), {.patience = hangs(d) ? 1s : 60s});
  });
}

void check_memory(const net::memory_stream_options& options) {
  const testing::leak_check leaks;
  testing::run([&]() -> task<> { co_await check_stream([&] { return net::make_memory_stream_pair(options); }); });
  CHECK(leaks.check().empty());
}

void check_framed(const net::memory_stream_options& options) {
  const testing::leak_check leaks;
  testing::run([&]() -> task<> {
    co_await check_stream([&] {
      auto [a, b] = net::make_memory_stream_pair(options);
      return stream_pair(net::any_stream(std::in_place_type<tests::framed_stream>, std::move(a)),
                         net::any_stream(std::in_place_type<tests::framed_stream>, std::move(b)));
    });
  });
  CHECK(leaks.check().empty());
}

}  // namespace

TEST_CASE("memory streams conform", "[stream_conformance]") {
  check_memory({});
  check_memory({.capacity = 1024, .read_chunk = 100});
  check_memory({.capacity = 5000, .read_chunk = 3000, .chunk_seed = 42});
  check_memory({.delay = 200us});
}

TEST_CASE("a stream over another stream conforms", "[stream_conformance]") {
  check_framed({});
  check_framed({.capacity = 1024, .read_chunk = 100});
  check_framed({.capacity = 5000, .read_chunk = 3000, .chunk_seed = 42});
  check_framed({.delay = 200us});
}

TEST_CASE("the ends of a pair may be given as a task, and be streams of any type", "[stream_conformance]") {
  testing::run([]() -> task<> {
    co_await check_stream([]() -> task<std::pair<net::memory_stream, net::memory_stream>> {
      co_await yield();
      co_return net::make_memory_stream_pair();
    });
  });
}

TEST_CASE("a stream that breaks a rule is found out", "[stream_conformance]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::MessageMatches;
  const auto [flaw, report] = GENERATE(table<defect, std::string>({
      {defect::changes_a_byte, "bytes arrive as they were written"},
      {defect::drops_parts, "a gathered write is its parts"},
      {defect::takes_for_nothing, "a read into an empty span"},
      {defect::half_duplex, "both directions carry data"},
      {defect::interleaves, "writes of several tasks are contiguous"},
      {defect::lets_readers_mix, "a second reader gets errc::busy"},
      {defect::end_turns_into_error, "the end of the stream is seen after the last byte"},
      {defect::shuts_down_both, "shut_down_write ends one direction alone"},
      {defect::writes_after_shut_down, "a write after shut_down_write succeeded"},
      {defect::shut_down_overtakes, "shut_down_write waits for the writes before it"},
      {defect::close_drops, "close delivers what was written"},
      {defect::close_leaves_reader, "errc::closed"},
      {defect::outlives_destruction, "a stream that is destroyed ends for its peer"},
      {defect::abort_looks_like_close, "looks like one that ended well"},
      {defect::ignores_a_gone_peer, "writes to a peer that has closed fail"},
      {defect::loses_cancelled_read, "a cancelled read has taken nothing"},
      {defect::heals_torn_writes, "a write that is cancelled has written nothing"},
      {defect::misreports_cancelled_write, "a write that is cancelled is reported as it was"},
      {defect::hides_arrivals, "an observer is told of bytes that are not waited for"},
      {defect::hides_the_end, "an observer is told of the end on an idle stream"},
      {defect::loses_what_is_there, "try_read_some gives what is there, in order"},
      {defect::loses_what_it_tries, "bytes that came before the end were lost"},
  }));
  INFO(report);
  CHECK_THROWS_MATCHES(check_flawed(flaw), testing::check_failed, MessageMatches(ContainsSubstring(report)));
  flawed_stream::immortal.reset();
}

TEST_CASE("the stream that the flawed ones are made of conforms", "[stream_conformance]") {
  CHECK_NOTHROW(check_flawed(defect::none));
}

TEST_CASE("a stream that holds everything does not make writers wait", "[stream_conformance]") {
  const auto check = [] {
    testing::run([]() -> task<> {
      co_await check_stream([] { return net::make_memory_stream_pair({.capacity = std::size_t{4} << 20}); },
                            {.most_held = std::size_t{1} << 20});
    });
  };
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::MessageMatches;
  CHECK_THROWS_MATCHES(check(), testing::check_failed,
                       MessageMatches(ContainsSubstring("a writer waits while the peer does not read")));
}
