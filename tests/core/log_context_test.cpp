// SPDX-License-Identifier: MIT
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/log.hpp>
#include <wring/core/log_context.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task_local.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>

using wring::nursery;
using wring::task;

namespace {

namespace log = wring::log;

/// Keeps the lines written while it lives, from the level on. The provider is set, as other tests unset it.
class captured_lines {
 public:
  captured_lines() : level_(log::current_level()) {
    log::set_level(log::level::info);
    log::set_context_provider(&log::add_task_fields);
    before_ = log::set_sink([this](const log::record& r) { lines.push_back(log::to_line(r).substr(25)); });
  }
  ~captured_lines() {
    log::set_sink(std::move(before_));
    log::set_level(level_);
  }
  captured_lines(const captured_lines&) = delete;
  captured_lines& operator=(const captured_lines&) = delete;

  std::vector<std::string> lines;

 private:
  log::level level_;
  log::sink before_;
};

using expected = std::vector<std::string>;

}  // namespace

TASK_TEST("records carry the fields of their task, after their own and outermost first", "[log]") {
  captured_lines captured;
  auto inner = [&]() -> task<> {
    log::info("both", {"own", 1});
    co_await wring::yield();
    log::info("later");
  };
  auto outer = [&]() -> task<> {
    co_await log::with_field("user", "ada l", inner);
    log::info("one");
  };
  const int id = 42;
  co_await log::with_field("request", id, outer);
  log::info("none");
  CHECK(captured.lines == expected{"info  both own=1 request=42 user=\"ada l\"",
                                   "info  later request=42 user=\"ada l\"", "info  one request=42", "info  none"});
}

TASK_TEST("a field hides an outer one of the same key", "[log]") {
  captured_lines captured;
  auto inner = []() -> task<> {
    log::info("inner");
    co_return;
  };
  auto middle = [&]() -> task<> { co_await log::with_field("a", 3, inner); };
  auto outer = [&]() -> task<> { co_await log::with_field("b", 2, middle); };
  co_await log::with_field("a", 1, outer);
  CHECK(captured.lines == expected{"info  inner b=2 a=3"});
}

TASK_TEST("children carry the fields of the task that started them, and other tasks do not", "[log]") {
  captured_lines captured;
  co_await wring::with_nursery([](nursery& n) -> task<> {
    auto note = [](std::string text) -> task<> {
      log::info("note", {"text", text});
      co_return;
    };
    auto starts = [&]() -> task<> {
      n.start(note, "inside");
      co_return;
    };
    co_await log::with_field("connection", 7, starts);
    n.start(note, "outside");
  });
  CHECK(captured.lines == expected{"info  note text=inside connection=7", "info  note text=outside"});
}

TASK_TEST("fields go along with task-local variables, and key and value are copied", "[log]") {
  captured_lines captured;
  static wring::task_local<int> number;
  auto inner = [&]() -> task<> {
    log::info("here", {"number", number.value_or(0)});
    co_return;
  };
  auto bound = [&]() -> task<> { co_await number.bind(5, inner); };
  std::string key = "key-that-is-too-long-for-the-small-string";
  std::string value = "first";
  auto changes = [&]() -> task<> {
    key = "changed";
    value = "changed";
    co_await bound();
  };
  co_await log::with_field(key, value, changes);
  CHECK(captured.lines == expected{"info  here number=5 key-that-is-too-long-for-the-small-string=first"});
}

TEST_CASE("a task's fields stay in its thread, and records outside of tasks have none", "[log]") {
  captured_lines captured;
  wring::testing::run([]() -> task<> {
    auto body = [&]() -> task<> {
      std::thread([] { log::info("other thread"); }).join();
      co_return;
    };
    co_await log::with_field("a", 1, body);
  });
  log::info("outside");
  CHECK(captured.lines == expected{"info  other thread", "info  outside"});
}

TEST_CASE("a provider of the program's own can add the task's fields", "[log]") {
  captured_lines captured;
  log::set_context_provider([](log::record_builder& to) {
    to.add({"program", "demo"});
    log::add_task_fields(to);
  });
  wring::testing::run([]() -> task<> {
    auto body = []() -> task<> {
      log::info("mixed");
      co_return;
    };
    co_await log::with_field("a", 1, body);
  });
  log::set_context_provider(&log::add_task_fields);
  CHECK(captured.lines == expected{"info  mixed program=demo a=1"});
}
