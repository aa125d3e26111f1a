// SPDX-License-Identifier: MIT
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/scheduling/end_of_turn.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/this_task.hpp>

using namespace wring;
using detail::end_of_turn;

namespace {

/// Calls `work` at the end of the turn.
struct entry : end_of_turn {
  explicit entry(std::function<void()> w)
      : end_of_turn([](end_of_turn& e) noexcept { static_cast<entry&>(e).work(); }), work(std::move(w)) {}
  std::function<void()> work;
};

}  // namespace

TEST_CASE("an entry is called once, after the tasks of the turn, in the order of linking", "[end_of_turn]") {
  scheduler s;
  std::string log;
  entry first([&] { log += '1'; });
  entry second([&] { log += '2'; });
  s.root().start([&]() -> task<> {
    s.at_end_of_turn(first);
    s.at_end_of_turn(second);
    s.at_end_of_turn(first);  // is linked already
    log += 'a';
    co_await yield();
    log += 'c';
  });
  s.root().start([&]() -> task<> {
    log += 'b';
    co_return;
  });
  s.step();
  CHECK(log == "abc12");
  CHECK_FALSE(first.linked());
  s.step();
  CHECK(log == "abc12");
}

TEST_CASE("an entry may queue tasks, link itself and destroy others", "[end_of_turn]") {
  scheduler s;
  std::string log;
  std::optional<entry> victim;
  std::unique_ptr<entry> itself;
  entry again([&] {
    log += 'r';
    victim.reset();
    if (log.size() < 3) s.at_end_of_turn(again);
    s.root().start([&]() -> task<> {
      log += 't';
      co_return;
    });
  });
  victim.emplace([&] { log += 'x'; });
  itself = std::make_unique<entry>([&] { itself.reset(); });
  s.at_end_of_turn(again);
  s.at_end_of_turn(*victim);
  s.at_end_of_turn(*itself);
  CHECK(s.step() == engine::no_wait);
  CHECK(log == "r");
  CHECK(itself == nullptr);
  CHECK(s.step() == engine::no_wait);
  CHECK(log == "rtr");
  s.step();
  CHECK(log == "rtrt");
  CHECK_FALSE(again.linked());
}

TEST_CASE("a turn does not wait while something is to be done at its end", "[end_of_turn]") {
  scheduler s;
  bool called = false;
  entry e([&] { called = true; });
  s.at_end_of_turn(e);
  s.run_until(called);  // and does not sleep, with nothing else to wake it
  CHECK(called);
}

TEST_CASE("draining calls what is linked, and the end of a scheduler takes the rest out", "[end_of_turn]") {
  int calls = 0;
  entry e([&] { ++calls; });
  {
    scheduler s;
    s.at_end_of_turn(e);
    s.drain();
    CHECK(calls == 1);
    s.at_end_of_turn(e);
  }
  CHECK(calls == 2);
  CHECK_FALSE(e.linked());
}
