// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/files/process.hpp>

#include "support/disposition.hpp"
#include "support/tcp_support.hpp"
#include "support/temporary_folder.hpp"

using namespace std::chrono_literals;
using namespace wring;
using namespace wring::tests;
using Catch::Matchers::ContainsSubstring;
using net::command;
using net::process;
using net::process_end;
using net::process_io;
using net::process_status;
using net::spawn;

namespace {

command shell(std::string_view script) {
  command made("sh");
  made.arguments("-c", script);
  return made;
}

/// With its output in a pipe.
command heard(std::string_view script) {
  command made = shell(script);
  made.output(process_io::pipe());
  return made;
}

task<std::string> all_of(net::pipe_reader& from) {
  std::string all;
  for (;;) {
    const buffer_lease chunk = co_await from.read_some();
    if (!chunk) break;
    all += text_of(chunk);
  }
  co_return all;
}

/// What a command writes; it must succeed.
task<std::string> said_by(command what) {
  what.output(process_io::pipe());
  process p = co_await spawn(what);
  const std::string text = co_await all_of(p.output());
  const process_status status = co_await p.wait();
  CHECK(status.to_string() == "exited with 0");
  co_return text;
}

task<std::string> complaint(command what) {
  try {
    const process p = co_await spawn(what);
  } catch (const io_error& e) {
    co_return e.what();
  }
  co_return "nothing was thrown";
}

bool has_no_children() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

}  // namespace

TASK_TEST_WITH("a process is spoken with, and says how it ended", "[process][real_fd]", .real_time = true) {
  command cat("cat");
  cat.input(process_io::pipe()).output(process_io::pipe());
  process p = co_await spawn(cat);
  co_await p.input().write_all("over there");
  const buffer_lease back = co_await p.output().read_some();
  CHECK(text_of(back) == "over there");
  co_await p.input().close();
  const std::string rest = co_await all_of(p.output());
  CHECK(rest.empty());
  const process_status status = co_await p.wait();
  CHECK(status.success());
  const process_status again = co_await p.wait();
  CHECK(again == status);
  CHECK(!p.signal(SIGTERM));
  CHECK(!p.error().is_open());
}

TASK_TEST_WITH("ways to end", "[process][real_fd]", .real_time = true) {
  process three = co_await spawn(shell("exit 3"));
  const process_status code = co_await three.wait();
  CHECK(code.to_string() == "exited with 3");
  CHECK(!code.success());
  process killed = co_await spawn(shell("kill -TERM $$"));
  const process_status signal = co_await killed.wait();
  CHECK(signal.end == process_end::signalled);
  CHECK(signal.number == SIGTERM);
  CHECK(signal.to_string() == "killed by signal 15 (SIGTERM)");
  process none;
  const auto nothing = co_await none.wait().result();
  CHECK(nothing.error() == errc::closed);
  CHECK(none.id() == 0);
}

TASK_TEST_WITH("arguments and the environment are passed as they are", "[process][real_fd]", .real_time = true) {
  command quoted("printf");
  quoted.arguments("[%s]", "a b", "$HOME", "", "'");
  const std::string arguments = co_await said_by(quoted);
  CHECK(arguments == "[a b][$HOME][][']");
  command changed = shell("echo $ONE,${PATH:+path},${HOME-none}");
  changed.environment("ONE", "first").environment("ONE", "1").without_environment("HOME");
  const std::string some = co_await said_by(changed);
  CHECK(some == "1,path,none\n");
  command bare("/usr/bin/env");
  bare.empty_environment().environment("ONLY", "this");
  const std::string only = co_await said_by(bare);
  CHECK(only == "ONLY=this\n");
  CHECK_THROWS_AS(bare.environment("A=B", "x"), std::invalid_argument);
  command elsewhere("pwd");
  elsewhere.directory("/usr");
  const std::string place = co_await said_by(elsewhere);
  CHECK(place == "/usr\n");
}

TASK_TEST_WITH("what cannot be started is named, with the reason", "[process][real_fd]", .real_time = true) {
  const std::string missing = co_await complaint(command("/nowhere/program"));
  CHECK_THAT(missing, ContainsSubstring("start /nowhere/program: No such file or directory (errno 2)"));
  const std::string in_path = co_await complaint(command("no-such-program-anywhere"));
  CHECK_THAT(in_path, ContainsSubstring("no-such-program-anywhere: No such file"));
  const std::string not_executable = co_await complaint(command("/etc/passwd"));
  CHECK_THAT(not_executable, ContainsSubstring("/etc/passwd: Permission denied"));
  command lost("true");
  lost.directory("/nowhere");
  const std::string directory = co_await complaint(lost);
  CHECK_THAT(directory, ContainsSubstring("enter /nowhere: No such file or directory"));
  command closed("true");
  closed.pass(-1);
  const std::string descriptor = co_await complaint(closed);
  CHECK_THAT(descriptor, ContainsSubstring("Bad file descriptor"));
  CHECK(has_no_children());
}

TASK_TEST_WITH("a process begins with default signals and no descriptors but those given", "[process][real_fd]",
               .real_time = true) {
  const disposition ignored(SIGPIPE, SIG_IGN);
  ::sigset_t blocked;
  ::sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  command grep("grep");
  grep.arguments("-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status");
  const std::string signals = co_await said_by(grep);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK_THAT(signals, ContainsSubstring("SigBlk:\t0000000000000000\n"));
  constexpr std::string_view name = "SigIgn:\t";
  const std::uint64_t all = std::stoull(signals.substr(signals.find(name) + name.size()), nullptr, 16);
  constexpr std::uint64_t of_the_c_library = 0x180000000;  // posix_spawn(3) ignores its two, 32 and 33
  CHECK((all & ~of_the_c_library) == 0);

  const int inherited = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  const net::descriptor given(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  constexpr std::string_view list = "for i in 3 4 5 6 7 8 9 10 20 30; do [ -e /proc/$$/fd/$i ] && echo $i; done; true";
  const std::string none = co_await said_by(shell(list));
  CHECK(none.empty());
  command one = shell("readlink /proc/$$/fd/3; [ -e /proc/$$/fd/4 ] || echo alone");
  one.pass(given.get());
  const std::string passed = co_await said_by(one);
  CHECK(passed == "/etc/passwd\nalone\n");
  ::close(inherited);
}

TASK_TEST_WITH("streams may be files, the same, or nothing", "[process][real_fd]", .real_time = true) {
  const temporary_folder folder;
  {
    net::file log = co_await net::create_file(folder / "log");
    command both = shell("echo out; echo err >&2; cat");
    both.input(process_io::null()).output(process_io::of(log)).error(process_io::same_as_output());
    process p = co_await spawn(both);
    const process_status status = co_await p.wait();
    CHECK(status.success());
  }
  std::ifstream in(folder / "log");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CHECK(text == "out\nerr\n");
}

TASK_TEST_WITH("a process may lead a group or a session", "[process][real_fd]", .real_time = true) {
  command cut("cut");
  cut.arguments("-d", " ", "-f", "1,5,6", "/proc/self/stat");
  const std::string ours = co_await said_by(cut);
  CHECK_THAT(ours, ContainsSubstring(std::to_string(::getpgrp())));
  command group = cut;
  group.own_group().output(process_io::pipe());
  process p = co_await spawn(group);
  const std::string led = co_await all_of(p.output());
  const std::string id = std::to_string(p.id());
  CHECK(led == id + " " + id + " " + std::to_string(::getsid(0)) + "\n");
  co_await p.wait();
  command session = cut;
  session.own_session().output(process_io::pipe());
  process q = co_await spawn(session);
  const std::string of_its_own = co_await all_of(q.output());
  const std::string number = std::to_string(q.id());
  CHECK(of_its_own == number + " " + number + " " + number + "\n");
  co_await q.wait();
}

TASK_TEST_WITH("signals reach the process, or its group", "[process][real_fd]", .real_time = true) {
  process p = co_await spawn(heard("trap 'echo got; exit 7' USR1; echo ready; while :; do sleep 0.01; done"));
  const buffer_lease ready = co_await p.output().read_some();
  CHECK(text_of(ready) == "ready\n");
  CHECK(!p.signal_group(SIGUSR1));
  CHECK(p.signal(SIGUSR1));
  const process_status status = co_await p.wait();
  CHECK(status.number == 7);

  command family = heard("sleep 100 & echo ready; wait");
  family.own_group();
  process q = co_await spawn(family);
  const buffer_lease started = co_await q.output().read_some();
  CHECK(q.signal_group(SIGKILL));
  // The grandchild held it open.
  const std::string end = co_await all_of(q.output());
  CHECK(end.empty());
  co_await q.wait();
}

TASK_TEST_WITH("one that ignores SIGTERM is killed after the grace", "[process][real_fd]", .real_time = true) {
  process p = co_await spawn(heard("trap '' TERM; echo ready; exec sleep 100"));
  const buffer_lease ready = co_await p.output().read_some();
  const process_status status = co_await p.end(30ms);
  CHECK(status.end == process_end::signalled);
  CHECK(status.number == SIGKILL);
  process q = co_await spawn(shell("exec sleep 100"));
  const process_status willing = co_await q.end();
  CHECK(willing.number == SIGTERM);
}

TASK_TEST_WITH("a status that somebody else has taken is lost, and nothing hangs", "[process][real_fd]",
               .real_time = true) {
  command cat("cat");
  cat.input(process_io::pipe());
  process p = co_await spawn(cat);
  co_await p.input().close();
  REQUIRE(::waitpid(p.id(), nullptr, 0) == p.id());
  const process_status taken = co_await p.wait();
  CHECK(taken.end == process_end::status_lost);
  CHECK_THAT(taken.to_string(), ContainsSubstring("status was lost"));

  const disposition ignored(SIGCHLD, SIG_IGN);
  process q = co_await spawn(cat);
  co_await q.input().close();
  const process_status ignored_status = co_await q.wait();
  CHECK(ignored_status.end == process_end::status_lost);
  CHECK(!q.signal(SIGTERM));
}

TASK_TEST_WITH("a reader sees the end when the writer dies", "[process][real_fd]", .real_time = true) {
  process p = co_await spawn(heard("echo half; exec sleep 100"));
  const buffer_lease half = co_await p.output().read_some();
  CHECK(text_of(half) == "half\n");
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const std::string rest = co_await all_of(p.output());
      CHECK(rest.empty());
    });
    n.start([&]() -> task<> {
      const process_status status = co_await p.wait();
      CHECK(status.number == SIGKILL);
    });
    co_await yield();
    p.signal(SIGKILL);
  });
}

TASK_TEST_WITH("a process on a terminal", "[process][real_fd]", .real_time = true) {
  command on_terminal = shell("stty size; read line; echo \"[$line]\" > /dev/tty; stty size; read end || echo over");
  on_terminal.terminal({.rows = 30, .columns = 100});
  process p = co_await spawn(on_terminal);
  net::pipe_stream& terminal = p.terminal();
  std::string seen;
  bool typed = false;
  bool ended = false;
  for (;;) {
    const buffer_lease chunk = co_await terminal.read_some();
    if (!chunk) break;
    seen += text_of(chunk);
    if (!typed && seen.find("30 100") != std::string::npos) {
      typed = true;
      p.resize_terminal({.rows = 50, .columns = 60});
      co_await terminal.write_all("hello\n");
    }
    if (!ended && seen.find("50 60") != std::string::npos) {
      ended = true;
      co_await terminal.write_all("\x04");
    }
  }
  CHECK_THAT(seen, ContainsSubstring("[hello]") && ContainsSubstring("over"));
  const process_status status = co_await p.wait();
  CHECK(status.success());
  process none;
  CHECK_THROWS_AS(none.resize_terminal({}), io_error);
}

TEST_CASE("an abandoned process is ended, or runs on", "[process][real_fd]") {
  int left = 0;
  testing::run([&]() -> task<> {
    {
      process p = co_await spawn(shell("exec sleep 100"));
    }
    command stubborn = heard("trap '' TERM; echo ready; exec sleep 100");
    stubborn.when_abandoned({.grace = 20ms});
    {
      process p = co_await spawn(stubborn);
      const buffer_lease ready = co_await p.output().read_some();
    }
    command lasting = shell("exec sleep 100");
    lasting.when_abandoned({.terminate = false});
    {
      process p = co_await spawn(lasting);
      left = p.id();
    }
    co_await sleep_for(40ms);
    CHECK(::kill(left, 0) == 0);
    // When it ends, no zombie is left while the program runs.
    ::kill(left, SIGKILL);
    while (!has_no_children()) co_await sleep_for(1ms);
  });
  CHECK(has_no_children());
}

TEST_CASE("processes can be cancelled wherever they are waited for", "[process][real_fd]") {
  const std::size_t points = testing::cancel_everywhere(
      []() -> task<> {
        command cat("cat");
        cat.input(process_io::pipe()).output(process_io::pipe());
        process p = co_await spawn(cat);
        co_await p.input().write_all("x");
        const buffer_lease back = co_await p.output().read_some();
        co_await p.input().close();
        co_await p.wait();
      },
      {.real_time = true});
  CHECK(points >= 1);  // a quick cat has answered, and ended, before it is waited for
  CHECK(has_no_children());
}
