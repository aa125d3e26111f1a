// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/looping_call.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>

#include "support/captured_log.hpp"

using namespace std::chrono_literals;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::looping_call;
using wring::task;
using wring::tests::captured_log;

namespace {

/// Calls `body(clock, log)` in a task whose time is held; `log` is a text to note things in.
template <class Body>
void with_clock(Body body) {
  captured_log records;
  wring::testing::run([&]() -> task<> {
    wring::testing::clock clock;
    std::string log;
    co_await body(clock, log);
    CHECK(wring::scheduler::current().stats().timers == 0);
  });
  CHECK(records.lines().empty());
}

/// Notes the time since `start` in tenths of a second, in front of `text`.
struct stopwatch {
  wring::testing::clock& clock;
  std::string& log;
  wring::steady_clock::time_point start = clock.now();
  void operator()(const std::string& text = "") const {
    log += std::to_string((clock.now() - start) / 100ms) + text + ' ';
  }
};

void note_end(deferred<> d, std::string& log) {
  std::move(d).add_callbacks(
      [&log] { log += "end"; },
      [&log](const failure& f) { log += f.check<wring::cancelled_error>() ? "cancelled" : f.message(); });
}

}  // namespace

TEST_CASE("a looping call calls at once and then every interval", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    looping_call loop([&] { note(); });
    CHECK_FALSE(loop.running());
    note_end(loop.start(1s), log);
    CHECK(log == "0 ");
    CHECK(loop.running());
    CHECK(loop.interval() == 1s);
    co_await clock.advance(2500ms);
    CHECK(log == "0 10 20 ");
    loop.stop();
    CHECK(log == "0 10 20 end");
    CHECK_FALSE(loop.running());
    co_await clock.advance(5s);
    CHECK(log == "0 10 20 end");
  });
}

TEST_CASE("a looping call can begin one interval later", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    looping_call loop([&] { note(); });
    loop.start(1s, false);
    CHECK(log.empty());
    co_await clock.advance(2s);
    CHECK(log == "10 20 ");
  });
}

TEST_CASE("ticks that are missed are skipped, and the next is on the grid again", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    looping_call loop([&] { note(); });
    loop.start(1s);
    co_await clock.jump(3500ms);
    CHECK(log == "0 35 ");
    co_await clock.advance(1500ms);
    CHECK(log == "0 35 40 50 ");
  });
}

TEST_CASE("ticks are counted, also the ones that are skipped", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    auto loop = looping_call::with_count([&](std::uint64_t ticks) { note(':' + std::to_string(ticks)); });
    SECTION("from a start with a call") {
      loop.start(1s);
      co_await clock.jump(4s);
      co_await clock.jump(3500ms);
      co_await clock.advance(500ms);
      CHECK(log == "0:1 40:4 75:3 80:1 ");
    }
    SECTION("from a start without one") {
      loop.start(1s, false);
      co_await clock.jump(2s);
      CHECK(log == "20:2 ");
    }
    SECTION("anew from every start") {
      loop.start(1s);
      loop.stop();
      co_await clock.advance(5s);
      loop.start(2s);
      CHECK(log == "0:1 50:1 ");
    }
  });
}

TEST_CASE("a looping call waits for the deferred that its function returns", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    deferred_source<int> source{nullptr};
    looping_call loop([&] {
      note();
      source = deferred_source<int>();
      return source.get();
    });
    note_end(loop.start(1s), log);
    co_await clock.advance(2500ms);
    CHECK(log == "0 ");
    loop.reset();  // has no effect meanwhile
    source.callback(1);
    co_await clock.advance(500ms);
    CHECK(log == "0 30 ");
    SECTION("a stop meanwhile takes effect when it has fired") {
      loop.stop();
      CHECK_FALSE(loop.running());
      CHECK(log == "0 30 ");
      CHECK_THROWS_AS(loop.start(1s), std::logic_error);
      source.callback(2);
      CHECK(log == "0 30 end");
      note_end(loop.start(1s), log);
      CHECK(log == "0 30 end30 ");
      source.errback(std::runtime_error("broken"));
      CHECK(log == "0 30 end30 broken");
    }
    SECTION("its failure ends the loop") {
      source.errback(std::runtime_error("broken"));
      CHECK(log == "0 30 broken");
      CHECK_FALSE(loop.running());
    }
  });
}

TEST_CASE("a looping call waits for the task that its function makes", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    looping_call loop([&]() -> task<std::string> {
      note();
      co_await wring::sleep_for(1500ms);
      co_return "dropped";
    });
    note_end(loop.start(1s), log);
    co_await clock.advance(4s);
    CHECK(log == "0 20 40 ");
    loop.stop();
    co_await clock.advance(1500ms);
    CHECK(log == "0 20 40 end");
  });
}

TEST_CASE("what the function of a looping call throws ends it", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    int calls = 0;
    looping_call loop([&] {
      if (++calls == 2) throw std::runtime_error("twice");
    });
    note_end(loop.start(1s), log);
    co_await clock.advance(5s);
    CHECK(calls == 2);
    CHECK(log == "twice");
    CHECK_FALSE(loop.running());
  });
}

TEST_CASE("resetting a looping call moves its grid", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const stopwatch note{clock, log};
    auto loop = looping_call::with_count([&](std::uint64_t ticks) { note(':' + std::to_string(ticks)); });
    loop.start(1s);
    co_await clock.advance(300ms);
    loop.reset();
    co_await clock.advance(2s);
    CHECK(log == "0:1 13:1 23:1 ");
  });
}

TEST_CASE("ticks before a reset do not count if there was no call yet", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    auto loop = looping_call::with_count([&log](std::uint64_t ticks) { log += std::to_string(ticks) + ' '; });
    auto ended = loop.start(2s, false);
    co_await clock.advance(1s);
    loop.reset();
    co_await clock.advance(1s);
    loop.reset();
    co_await clock.advance(4s);
    CHECK(log == "1 1 ");
    loop.stop();
  });
}

TEST_CASE("an interval of zero makes a call every turn", "[looping_call]") {
  wring::testing::run([]() -> task<> {
    std::string log;
    std::optional<looping_call> loop;
    loop.emplace(looping_call::with_count([&](std::uint64_t ticks) {
      log += std::to_string(ticks);
      if (log.size() == 4) loop->stop();
    }));
    auto end = loop->start(0s);
    CHECK(log == "1");
    co_await std::move(end);
    CHECK(log == "1111");
  });
}

TEST_CASE("a looping call refuses what makes no sense", "[looping_call]") {
  looping_call loop([] {});
  CHECK_THROWS_AS(loop.start(1s), std::logic_error);
  CHECK_THROWS_AS(loop.stop(), std::logic_error);
  CHECK_THROWS_AS(loop.reset(), std::logic_error);
  with_clock([&](wring::testing::clock&, std::string&) -> task<> {
    CHECK_THROWS_AS(loop.start(-1s), std::invalid_argument);
    CHECK_FALSE(loop.running());
    loop.start(1s);
    CHECK_THROWS_AS(loop.start(1s), std::logic_error);
    loop.stop();
    CHECK_THROWS_AS(loop.stop(), std::logic_error);
    co_return;
  });
}

TEST_CASE("a looping call that is destroyed stops", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    const auto held = std::make_shared<int>(0);
    SECTION("at once") {
      {
        looping_call loop([held] { ++*held; });
        note_end(loop.start(1s), log);
      }
      CHECK(log == "end");
      CHECK(held.use_count() == 1);
    }
    SECTION("from within its function") {
      std::unique_ptr<looping_call> loop;
      loop = std::make_unique<looping_call>([&loop, held] {
        loop.reset();
        ++*held;
      });
      note_end(loop->start(1s, false), log);
      co_await clock.advance(3s);
      CHECK(log == "end");
      CHECK(*held == 1);
    }
    SECTION("when the iteration under way has ended") {
      deferred_source<> source;
      {
        looping_call loop([&source, held] { return source.get(); });
        note_end(loop.start(1s), log);
      }
      CHECK(log.empty());
      CHECK(held.use_count() == 2);
      source.callback();
      CHECK(log == "end");
    }
    CHECK(held.use_count() == 1);
  });
}

TEST_CASE("cancelling the deferred of a looping call stops it", "[looping_call]") {
  with_clock([](wring::testing::clock& clock, std::string& log) -> task<> {
    deferred_source<> source([&log] { log += "asked "; });
    const auto note_and_keep = [&](deferred<>& d) {
      d.add_errback([&log](const failure& f) { log += f.check<wring::cancelled_error>() ? "cancelled" : f.message(); });
    };
    SECTION("between iterations") {
      looping_call loop([&log] { log += "call "; });
      auto d = loop.start(1s);
      note_and_keep(d);
      d.cancel();
      CHECK(log == "call cancelled");
      CHECK_FALSE(loop.running());
    }
    SECTION("in an iteration, which is cancelled") {
      looping_call loop([&] { return source.get(); });
      auto d = loop.start(1s);
      note_and_keep(d);
      d.cancel();
      CHECK(log == "asked cancelled");
      CHECK_FALSE(loop.running());
    }
    SECTION("in a task, which ends first") {
      looping_call loop([&]() -> task<> {
        struct leaving {
          std::string& log;
          ~leaving() { log += "left "; }
        };
        const leaving l{log};
        co_await wring::sleep_for(1h);
      });
      auto d = loop.start(1s);
      note_and_keep(d);
      d.cancel();
      CHECK(log.empty());
      co_await clock.advance(0s);
      CHECK(log == "left cancelled");
      CHECK_FALSE(loop.running());
    }
    SECTION("if the iteration ends well all the same, it counts as cancelled") {
      deferred_source<> quick([](deferred_source<>& s) { s.callback(); });
      looping_call loop([&] { return quick.get(); });
      auto d = loop.start(1s);
      note_and_keep(d);
      d.cancel();
      CHECK(log == "cancelled");
    }
    SECTION("if the canceller of the iteration throws, stopped as it was") {
      deferred_source<> stuck([] { throw std::runtime_error("no"); });
      looping_call loop([&] { return stuck.get(); });
      auto d = loop.start(1s);
      note_and_keep(d);
      loop.stop();
      CHECK_THROWS_AS(d.cancel(), std::runtime_error);
      CHECK_FALSE(loop.running());
      stuck.callback();
      CHECK(d.called());
      CHECK(log.empty());
    }
    SECTION("if the canceller throws when it is cancelled again, cancelled as it was") {
      deferred_source<> stuck([] { throw std::runtime_error("no"); });
      looping_call loop([&] { return source.get().add_errback([&stuck](const failure&) { return stuck.get(); }); });
      auto d = loop.start(1s);
      note_and_keep(d);
      d.cancel();
      CHECK_THROWS_AS(d.cancel(), std::runtime_error);
      CHECK_FALSE(loop.running());
      stuck.callback();
      CHECK(log == "asked cancelled");
    }
    co_await clock.advance(3s);
  });
}

TEST_CASE("waiting for a looping call can be cancelled everywhere", "[looping_call]") {
  const auto points = wring::testing::cancel_everywhere([]() -> task<> {
    int calls = 0;
    std::optional<looping_call> loop;
    loop.emplace([&]() -> task<> {
      co_await wring::sleep_for(1500ms);
      if (++calls == 2) loop->stop();
    });
    co_await loop->start(1s);
    CHECK(calls == 2);
  });
  CHECK(points > 2);
}
