// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/explain.hpp>
#include <wring/core/run.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/run.hpp>

#include "support/in_child.hpp"

namespace {

using namespace wring;

bool has_line(const std::string& text, const std::string& begin) {
  return text.starts_with(begin) || text.find('\n' + begin) != std::string::npos;
}

}  // namespace

TEST_CASE("explain tells engine, choice, kernel and the way of each facility", "[explain][real_fd]") {
  wring::testing::run([]() -> task<> {
    const std::string text = explain();
    CAPTURE(text);
    CHECK(text.starts_with(std::string("engine: ") + scheduler::current().engine().name() + "\n"));
    for (const char* line : {"chosen: ", "kernel: Linux ",
                             "receive: ", "send: ", "accept: ", "connect: ", "files: ", "timers: ", "wake-ups: "}) {
      CAPTURE(line);
      CHECK(has_line(text, line));
    }
    CHECK(text.ends_with('\n'));
    co_return;
  });
}

TEST_CASE("explain works without a scheduler, and leaves none", "[explain]") {
  const std::string text = explain();
  CHECK(text.starts_with("engine: "));
  CHECK(scheduler::try_current() == nullptr);
}

TEST_CASE("explain names the wish it follows", "[explain]") {
  const auto end = tests::in_child([] {
    ::setenv("WRING_ENGINE", "epoll", 1);
    const std::string text = explain();
    std::fputs(text.c_str(), stderr);
  });
  CHECK(end.report.starts_with("engine: epoll\n"));
  CHECK(has_line(end.report, "chosen: WRING_ENGINE=epoll\n"));
  const auto other = tests::in_child([] {
    ::unsetenv("WRING_ENGINE");
    run({.scheduler = {.engine = {.kind = engine_kind::epoll}}}, []() -> task<> {
      const std::string text = explain();
      std::fputs(text.c_str(), stderr);
      co_return;
    });
  });
  CHECK(has_line(other.report, "chosen: the program's scheduler_options\n"));
}
