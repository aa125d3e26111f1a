// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/callback/process_error.hpp>
#include <wring/net/callback/process_protocol.hpp>
#include <wring/net/callback/spawn_process.hpp>

#include "support/captured_log.hpp"
#include "support/disposition.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using net::command;
using net::process_end;
using net::process_io;

namespace {

command shell(std::string_view script) {
  command made("sh");
  made.arguments("-c", script);
  return made;
}

std::string kind_of(const failure& how) {
  if (how.check<net::process_done>()) return "done";
  if (const auto* const terminated = how.get_if<net::process_terminated>(); terminated != nullptr) {
    return terminated->status().to_string();
  }
  if (how.check<net::connection_aborted>()) return "aborted";
  if (how.check<net::write_buffer_overflow>()) return "overflow";
  return how.message();
}

/// Writes down what is called, and does what the test says.
class recorder : public net::process_protocol {
 public:
  using action = std::function<void(recorder&)>;

  std::string said;
  std::string out;
  std::string err;
  int ends = 0;
  event ended;
  action when_made;
  action when_out;
  action when_exited;

  void connection_made() override {
    said += "made ";
    if (when_made) when_made(*this);
  }
  void out_received(std::span<const std::byte> data) override {
    out += text_of(data);
    if (when_out) when_out(*this);
  }
  void err_received(std::span<const std::byte> data) override { err += text_of(data); }
  void in_connection_lost() override { said += "in_lost "; }
  void out_connection_lost() override { said += "out_lost "; }
  void err_connection_lost() override { said += "err_lost "; }
  void process_exited(const failure& how) override {
    said += "exited:" + kind_of(how) + ' ';
    if (when_exited) when_exited(*this);
  }
  void process_ended(const failure& how) override {
    said += "ended:" + kind_of(how);
    ++ends;
    ended.set();
  }

  /// That `first` was called before `second`.
  [[nodiscard]] bool in_order(std::string_view first, std::string_view second) const {
    const std::size_t one = said.find(first);
    const std::size_t other = said.find(second);
    return one != std::string::npos && other != std::string::npos && one < other;
  }
};

/// Runs it, and checks what holds of every process.
task<net::process_status> run_with(std::shared_ptr<recorder> p, command what, net::transport_options options = {}) {
  const net::process_status status = co_await net::run_process_protocol(p, std::move(what), options);
  CHECK(p->ends == 1);
  CHECK(p->said.starts_with("made "));
  CHECK(p->said.find("ended:") > p->said.find("lost"));
  CHECK_THROWS_AS(p->transport().nursery(), std::logic_error);
  const std::string before = p->said;
  p->transport().write("too late");
  p->transport().lose_connection();
  p->transport().pause_producing();
  p->transport().resume_producing();
  CHECK_THROWS_AS(p->transport().signal_process(SIGTERM), net::process_exited_already);
  CHECK(p->said == before);
  co_return status;
}

}  // namespace

TASK_TEST_WITH("words are counted by a process", "[process_protocol][real_fd]", .real_time = true) {
  const without_sigpipe here;
  const auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) {
    CHECK(r.transport().pid() > 0);
    r.transport().write("one two\n");
    r.transport().write_to_child(0, "three\n");
    CHECK_THROWS_AS(r.transport().write_to_child(1, "x"), std::invalid_argument);
    CHECK_THROWS_AS(r.transport().close_child(3), std::invalid_argument);
    r.transport().close_stdin();
  };
  const net::process_status status = co_await run_with(p, command("wc"));
  CHECK(status.success());
  CHECK(p->out.find("2") < p->out.find("3"));
  CHECK(p->out.find("3") < p->out.find("14"));
  CHECK(p->err.empty());
  CHECK(p->in_order("in_lost", "ended:done"));
  CHECK(p->in_order("out_lost", "ended:done"));
  CHECK(p->in_order("err_lost", "ended:done"));
  CHECK(p->in_order("exited:done", "ended:done"));
}

TASK_TEST_WITH("both outputs are told apart, and so is how it ends", "[process_protocol][real_fd]", .real_time = true) {
  const auto failing = std::make_shared<recorder>();
  const net::process_status status = co_await run_with(failing, shell("echo out; echo err >&2; exit 3"));
  CHECK(status.number == 3);
  CHECK(failing->out == "out\n");
  CHECK(failing->err == "err\n");
  CHECK(failing->in_order("exited:exited with 3", "ended:exited with 3"));
  const auto killed = std::make_shared<recorder>();
  killed->when_made = [](recorder& r) { r.transport().signal_process(SIGKILL); };
  const net::process_status by_signal = co_await run_with(killed, command("cat"));
  CHECK(by_signal.end == process_end::signalled);
  CHECK(killed->said.find("ended:killed by signal 9") != std::string::npos);
  const net::process_terminated reason(by_signal, "/bin/cat");
  CHECK(reason.details() == std::errc::no_child_process);
  CHECK(reason.what() == std::string_view("run /bin/cat: killed by signal 9 (SIGKILL)"));
}

TASK_TEST_WITH("a process is over when its streams have ended, too", "[process_protocol][real_fd]", .real_time = true) {
  const auto p = std::make_shared<recorder>();
  // What it starts holds its output, until it is told to go on by its input.
  p->when_exited = [](recorder& r) {
    CHECK(r.said.find("out_lost") == std::string::npos);
    r.transport().write("go\n");
  };
  const auto status = co_await run_with(p, shell("exec 3<&0 2>/dev/null; (read line <&3; echo $line) & exit 0"));
  CHECK(status.success());
  CHECK(p->out == "go\n");
  CHECK(p->in_order("exited:done", "out_lost"));
  CHECK(p->in_order("exited:done", "in_lost"));
}

TASK_TEST_WITH("that nobody reads the input any more is noticed without a write", "[process_protocol][real_fd]",
               .real_time = true) {
  const without_sigpipe here;
  const auto p = std::make_shared<recorder>();
  p->when_out = [](recorder& r) {
    r.transport().nursery().start([&r]() -> task<> {
      while (r.said.find("in_lost") == std::string::npos) co_await sleep_for(1ms);
      r.transport().write("dropped");
      r.transport().signal_process(SIGTERM);
    });
  };
  const auto status = co_await run_with(p, shell("exec 0<&-; echo closed; exec sleep 1000"));
  CHECK(status.number == SIGTERM);
  CHECK(p->in_order("in_lost", "exited"));
}

TASK_TEST_WITH("lose_connection closes all streams, and the process decides", "[process_protocol][real_fd]",
               .real_time = true) {
  const without_sigpipe here;
  const auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) { r.transport().lose_connection(); };
  const auto status = co_await run_with(p, shell("cat; exit 4"));
  CHECK(status.number == 4);
  CHECK(p->out.empty());
  CHECK(p->in_order("out_lost", "exited:exited with 4"));
}

TASK_TEST_WITH("what it writes can be held back", "[process_protocol][real_fd]", .real_time = true) {
  const auto p = std::make_shared<recorder>();
  delayed_call later;
  std::size_t before = 0;
  p->when_out = [&](recorder& r) {
    if (later.active() || before != 0) return;
    before = r.out.size();
    r.transport().pause_producing();
    later = call_later(50ms, [&] {
      CHECK(p->out.size() == before);
      r.transport().resume_producing();
    });
  };
  const auto status = co_await run_with(p, shell("head -c 3000000 /dev/zero"));
  CHECK(status.success());
  CHECK(p->out.size() == 3'000'000);
  CHECK(before != 0);
}

namespace {

/// Writes pieces as they are asked for.
class pieces final : public net::producer {
 public:
  pieces(recorder& r, std::size_t count) : to_(r), left_(count) {}
  void resume_producing() override {
    most_ = std::max(most_, to_.transport().unsent());
    to_.transport().write(std::string(50'000, 'x'));
    if (--left_ == 0) to_.transport().unregister_producer();
  }
  void stop_producing() override { stopped_ = true; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }

 private:
  recorder& to_;
  std::size_t left_;
  std::size_t most_ = 0;
  bool stopped_ = false;
};

}  // namespace

TASK_TEST_WITH("a producer feeds a process at its pace", "[process_protocol][real_fd]", .real_time = true) {
  const without_sigpipe here;
  const auto p = std::make_shared<recorder>();
  std::optional<pieces> from;
  p->when_made = [&](recorder& r) {
    from.emplace(r, 20);
    r.transport().register_producer(*from, net::production::pull);
    r.transport().close_stdin();  // waits for the producer
  };
  const auto status = co_await run_with(p, shell("wc -c"));
  CHECK(status.success());
  CHECK(std::stoul(p->out) == 1'000'000);
  CHECK(from->most() == 0);
  CHECK(!from->stopped());
  // One that reads nothing and leaves.
  const auto leaves = std::make_shared<recorder>();
  std::optional<pieces> unwanted;
  leaves->when_made = [&](recorder& r) {
    unwanted.emplace(r, 20);
    r.transport().register_producer(*unwanted, net::production::pull);
  };
  co_await run_with(leaves, shell("exit 0"));
  CHECK(unwanted->stopped());
}

TASK_TEST_WITH("a process that does not read its input is ended at the limit", "[process_protocol][real_fd]",
               .real_time = true) {
  const without_sigpipe here;
  const captured_log log;
  const auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) {
    r.transport().set_write_limit(100'000);
    r.transport().write(std::string(100'001, 'x'));
  };
  const auto status = co_await run_with(p, shell("exec sleep 1000"));
  CHECK(status.number == SIGTERM);
  CHECK(p->said.ends_with("ended:overflow"));
  CHECK(log.lines().front().find("limit=100000") != std::string::npos);
}

TASK_TEST_WITH("what a callback throws ends the process", "[process_protocol][real_fd]", .real_time = true) {
  const captured_log log;
  const auto p = std::make_shared<recorder>();
  p->when_out = [](recorder&) { throw std::runtime_error("cannot use this"); };
  const auto status = co_await run_with(p, shell("echo x; exec sleep 1000"));
  CHECK(status.number == SIGTERM);
  CHECK(p->said.ends_with("ended:cannot use this"));
  CHECK(log.lines().front().find("cannot use this") != std::string::npos);
  const auto task_fails = std::make_shared<recorder>();
  task_fails->when_made = [](recorder& r) {
    r.transport().nursery().start([]() -> task<> {
      co_await sleep_for(1ms);
      throw std::runtime_error("a task has failed");
    });
  };
  co_await run_with(task_fails, shell("exec sleep 1000"));
  CHECK(task_fails->said.ends_with("ended:a task has failed"));
  const auto at_once = std::make_shared<recorder>();
  at_once->when_made = [](recorder&) { throw std::runtime_error("not this one"); };
  co_await run_with(at_once, shell("exec sleep 1000"));
  CHECK(at_once->said.ends_with("ended:not this one"));
}

TASK_TEST_WITH("a process on a terminal has one stream", "[process_protocol][real_fd]", .real_time = true) {
  const auto p = std::make_shared<recorder>();
  command what = shell("stty -echo; echo ready; read line; echo \"<$line>\"");
  what.terminal();
  p->when_out = [](recorder& r) {
    if (r.out == "ready\r\n") r.transport().write("typed\n");
  };
  const auto status = co_await run_with(p, what);
  CHECK(status.success());
  CHECK(p->out == "ready\r\n<typed>\r\n");
  CHECK(p->in_order("out_lost", "in_lost"));
}

TASK_TEST_WITH("streams that are no pipes have no events", "[process_protocol][real_fd]", .real_time = true) {
  const auto p = std::make_shared<recorder>();
  command what = shell("cat; echo said");
  what.input(process_io::null()).error(process_io::null());
  co_await run_with(p, what);
  CHECK(p->out == "said\n");
  CHECK(p->said.find("in_lost") == std::string::npos);
  CHECK(p->said.find("err_lost") == std::string::npos);
}

TASK_TEST_WITH("spawn_process says when it runs, or why it does not", "[process_protocol][real_fd]",
               .real_time = true) {
  const captured_log log;
  const auto p = std::make_shared<recorder>();
  const auto transport = co_await net::spawn_process(p, command("cat"));
  CHECK(p->said == "made ");
  CHECK(transport.get() == &p->transport());
  transport->close_stdin();
  co_await p->ended.wait();
  CHECK(p->said.ends_with("ended:done"));
  const auto never = std::make_shared<recorder>();
  std::string why;
  try {
    const auto none = co_await net::spawn_process(never, command("/nonexistent/program"));
  } catch (const io_error& e) {
    why = e.what();
  }
  CHECK(why.find("/nonexistent/program") != std::string::npos);
  CHECK(never->said.empty());
  const auto refuses = std::make_shared<recorder>();
  refuses->when_made = [](recorder&) { throw std::runtime_error("not this one"); };
  why.clear();
  try {
    const auto none = co_await net::spawn_process(refuses, command("cat"));
  } catch (const std::runtime_error& e) {
    why = e.what();
  }
  CHECK(why == "not this one");
  CHECK(refuses->ends == 1);
  CHECK_THROWS_AS(net::spawn_process(nullptr, command("cat")), std::invalid_argument);
}

TEST_CASE("a process of callback code ends with the program", "[process_protocol][real_fd]") {
  const auto p = std::make_shared<recorder>();
  testing::run([&]() -> task<> {
    const auto transport = co_await net::spawn_process(p, shell("exec sleep 1000"));
    static_cast<void>(transport);
  });
  CHECK(p->ends == 1);
  CHECK(p->said.find("ended:killed by signal 15") != std::string::npos);
}

TEST_CASE("running a process with a protocol can be cancelled anywhere", "[process_protocol][real_fd]") {
  const without_sigpipe here;
  testing::cancel_everywhere(
      []() -> task<> {
        struct checked {
          std::shared_ptr<recorder> p = std::make_shared<recorder>();
          ~checked() { CHECK(p->ends == (p->said.empty() ? 0 : 1)); }
        };
        const checked one;
        one.p->when_made = [](recorder& r) {
          r.transport().write("hello\n");
          r.transport().close_stdin();
        };
        static_cast<void>(co_await net::run_process_protocol(one.p, shell("cat; exec cat")));
      },
      {.real_time = true});
}
