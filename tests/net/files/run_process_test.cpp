// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/wait.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sync/semaphore.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/run_process.hpp>

#include "support/disposition.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using net::command;
using net::process_output;
using net::run_process;

namespace {

command shell(std::string_view script) {
  command made("sh");
  made.arguments("-c", script);
  return made;
}

bool has_no_children() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

}  // namespace

TASK_TEST_WITH("a process runs to its end, and its output is collected", "[process][real_fd]", .real_time = true) {
  const process_output said = co_await run_process(shell("echo out; echo err >&2; exit 4"));
  CHECK(said.output == "out\n");
  CHECK(said.error == "err\n");
  CHECK(said.status.number == 4);
  CHECK(!said.success());
  const std::string much(300'000, 'x');
  const process_output counted = co_await run_process(command("wc").argument("-c"), {.input = much});
  CHECK(counted.success());
  CHECK(counted.output == "300000\n");
  const process_output silent = co_await run_process(command("cat"));
  CHECK(silent.success());
  CHECK(silent.output.empty());
}

TASK_TEST_WITH("a process need not read what it is given", "[process][real_fd]", .real_time = true) {
  const without_sigpipe here;
  const std::string much(300'000, 'x');
  const process_output deaf = co_await run_process(command("true"), {.input = much});
  CHECK(deaf.success());
}

TASK_TEST_WITH("a process that says too much is killed", "[process][real_fd]", .real_time = true) {
  const process_output endless = co_await run_process(command("yes"), {.output_limit = 1001});
  CHECK(endless.over_limit);
  CHECK(!endless.success());
  CHECK(endless.output.size() == 1001);
  CHECK(endless.status.number == SIGKILL);
  const process_output just = co_await run_process(shell("printf 12345"), {.output_limit = 5});
  CHECK(just.success());
}

TASK_TEST_WITH("a grandchild that keeps the pipe open is not waited for", "[process][real_fd]", .real_time = true) {
  const process_output left = co_await run_process(shell("sleep 3 & echo done"), {.linger = 20ms});
  CHECK(left.left_open);
  CHECK(left.status.success());
  CHECK(!left.success());
  CHECK(left.output == "done\n");
}

TASK_TEST_WITH("a process that takes too long is ended", "[process][real_fd]", .real_time = true) {
  const auto late = co_await with_timeout(20ms, run_process(shell("exec sleep 100"))).result();
  CHECK(late.error() == errc::timed_out);
  CHECK(has_no_children());
  command stubborn = shell("trap '' TERM; while :; do sleep 0.01; done");
  stubborn.own_group().when_abandoned({.grace = 20ms});
  const auto killed = co_await with_timeout(50ms, run_process(stubborn)).result();
  CHECK(killed.error() == errc::timed_out);
  CHECK(has_no_children());
}

// tools/check-long has 1,000.
TASK_TEST_WITH("many short processes at once, bounded by a limit", "[process][processes][real_fd]", .real_time = true) {
  const char* const more = std::getenv("WRING_TEST_ROUNDS");
  const int count = more != nullptr ? std::atoi(more) : 100;
  const auto before = scheduler::current().engine().open_descriptors();
  semaphore limit(8);
  int running = 0;
  int most = 0;
  int successes = 0;
  co_await with_nursery([&](nursery& n) -> task<> {
    for (int i = 0; i != count; ++i) {
      n.start([&]() -> task<> {
        const auto permit = co_await limit.acquire();
        most = std::max(most, ++running);
        const process_output each = co_await run_process(command("true"));
        --running;
        successes += each.success() ? 1 : 0;
      });
    }
    co_return;
  });
  CHECK(successes == count);
  CHECK(most <= 8);
  CHECK(has_no_children());
  CHECK(scheduler::current().engine().open_descriptors().all == before.all);
}

TEST_CASE("run_process can be cancelled wherever it waits", "[process][real_fd]") {
  const without_sigpipe here;
  const std::size_t points = testing::cancel_everywhere(
      []() -> task<> {
        command cat("cat");
        const process_output said = co_await run_process(cat, {.input = "text"});
        CHECK(said.output == "text");
      },
      {.real_time = true});
  CHECK(points >= 2);  // a quick cat has answered, and ended, before it is waited for
  CHECK(has_no_children());
}
