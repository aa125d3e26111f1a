// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <initializer_list>
#include <pty.h>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <wring/core/error.hpp>
#include <wring/core/log.hpp>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using wring::log::level;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

namespace log = wring::log;

/// Keeps the lines written while it lives, without their times. Puts level, sink and context back.
class capture {
 public:
  explicit capture(level l) : level_(log::current_level()) {
    log::set_level(l);
    before_ = log::set_sink([this](const log::record& r) { lines.push_back(log::to_line(r).substr(25)); });
  }
  ~capture() {
    log::set_sink(std::move(before_));
    log::set_level(level_);
    log::set_context_provider(nullptr);
  }
  capture(const capture&) = delete;
  capture& operator=(const capture&) = delete;

  std::vector<std::string> lines;

 private:
  level level_;
  log::sink before_;
};

/// Gets every write(2) to standard error as one packet while it lives.
class stderr_packets {
 public:
  stderr_packets() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends_.data()) == 0);
    saved_ = ::dup(STDERR_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~stderr_packets() {
    ::dup2(saved_, STDERR_FILENO);
    for (const int fd : {saved_, ends_[0], ends_[1]}) ::close(fd);
  }
  stderr_packets(const stderr_packets&) = delete;
  stderr_packets& operator=(const stderr_packets&) = delete;

  std::vector<std::string> take() {
    std::vector<std::string> packets;
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto size = ::recv(ends_[0], buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0) return packets;
      packets.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  std::array<int, 2> ends_{};
  int saved_ = -1;
};

log::record sample(std::string_view message, std::span<const log::record::field_text> fields = {}) {
  return {.time = std::chrono::sys_days(2024y / 2 / 29) + 23h + 5min + 9s + 7ms + 999us,
          .level = level::warn,
          .message = message,
          .fields = fields};
}

std::string field_line(std::string_view value) {
  const log::record::field_text fields[] = {{"key", value}};
  return log::to_line(sample("m", fields)).substr(33);
}

/// Standard error of a process that runs the hidden test below, with changes to the environment.
std::string child_stderr(std::initializer_list<std::pair<const char*, const char*>> environment, bool terminal) {
  int parent_end = -1;
  int child_end = -1;
  if (terminal) {
    REQUIRE(::openpty(&parent_end, &child_end, nullptr, nullptr, nullptr) == 0);
  } else {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    parent_end = ends[0];
    child_end = ends[1];
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(child_end, STDERR_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    for (const char* name : {"WRING_LOG", "NO_COLOR", "TERM"}) ::unsetenv(name);
    for (const auto& [name, value] : environment) ::setenv(name, value, 1);
    ::execl("/proc/self/exe", "log_child", "[log_child]", nullptr);
    ::_exit(127);
  }
  REQUIRE(child > 0);
  ::close(child_end);
  std::string output;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto size = ::read(parent_end, buffer.data(), buffer.size());
    if (size <= 0) break;  // a terminal ends with EIO
    output.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(parent_end);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return std::regex_replace(output, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"), "TIME");
}

struct counts_formatting {
  int& count;
};
struct fails_to_format {};

}  // namespace

template <>
struct fmt::formatter<counts_formatting> : fmt::formatter<int> {
  auto format(const counts_formatting& object, fmt::format_context& context) const {
    return fmt::formatter<int>::format(++object.count, context);
  }
};

template <>
struct fmt::formatter<fails_to_format> : fmt::formatter<int> {
  auto format(const fails_to_format&, fmt::format_context& context) const -> decltype(context.out()) {
    throw std::runtime_error("no text today");
  }
};

TEST_CASE("the process that the tests of the environment start", "[.][log_child]") {
  log::trace("at trace");
  log::debug("at debug");
  log::info("at info", {"key", "a value"});
  CHECK(log::current_level() <= level::off);
}

TEST_CASE("a record has a level, a formatted message and fields", "[log]") {
  capture out(level::trace);
  log::trace("nothing else");
  log::debug("sent {} of {} bytes", 10, 0x20);
  log::info("accepted", {"peer", "127.0.0.1:80"}, {"count", 3});
  log::warn("failed", {"error", wring::error(wring::errc::busy, "read")});
  log::error("all {}", "eight");
  const log::logger chosen(level::info);
  chosen("eight", {"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}, {"f", 6}, {"g", 7}, {"h", 8});
  CHECK(out.lines == std::vector<std::string>{
                         "trace nothing else", "debug sent 10 of 32 bytes", "info  accepted peer=127.0.0.1:80 count=3",
                         "warn  failed error=\"read: another task is already waiting in the same operation\"",
                         "error all eight", "info  eight a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8"});
}

TEST_CASE("fields take whatever fmt can format", "[log]") {
  capture out(level::info);
  const std::vector<int> numbers{1, 2, 3};
  const std::string text = "text";
  const char* const pointer = "pointer";
  log::info("x", {"join", fmt::join(numbers, ",")}, {"string", text}, {"pointer", pointer}, {"bool", true},
            {"char", 'c'}, {"double", 0.5});
  CHECK(out.lines.at(0) == "info  x join=1,2,3 string=text pointer=pointer bool=true char=c double=0.5");
}

TEST_CASE("records below the level are not formatted", "[log]") {
  int count = 0;
  capture out(level::warn);
  log::info("{}", counts_formatting{count});
  log::debug("x", {"key", counts_formatting{count}});
  CHECK(count == 0);
  CHECK_FALSE(log::enabled(level::info));
  CHECK(log::enabled(level::warn));
  CHECK(log::current_level() == level::warn);
  log::warn("{}", counts_formatting{count});
  log::error("x", {"key", counts_formatting{count}});
  CHECK(count == 2);
  log::set_level(level::off);
  log::error("x");
  CHECK_FALSE(log::enabled(level::error));
  CHECK(out.lines == std::vector<std::string>{"warn  1", "error x key=2"});
}

TEST_CASE("levels have names", "[log]") {
  for (const auto l : {level::trace, level::debug, level::info, level::warn, level::error, level::off}) {
    CHECK(log::parse_level(log::to_string(l)) == l);
  }
  CHECK(log::parse_level("WARN") == level::warn);
  CHECK(log::parse_level("Error") == level::error);
  for (const auto* bad : {"", "warning", "inf", "infoo", "3", " info"}) CHECK_FALSE(log::parse_level(bad).has_value());
}

TEST_CASE("a line begins with the time in UTC, to the millisecond", "[log]") {
  CHECK(log::to_line(sample("hello")) == "2024-02-29T23:05:09.007Z warn  hello");
  auto early = sample("x");
  early.time = std::chrono::sys_days(1969y / 12 / 31) + 23h + 59min + 59s + 999ms;
  CHECK(log::to_line(early) == "1969-12-31T23:59:59.999Z warn  x");
}

TEST_CASE("colour surrounds time, level and keys, and changes nothing else", "[log]") {
  const log::record::field_text fields[] = {{"key", "value"}};
  const auto line = log::to_line(sample("m", fields), true);
  CHECK(line == "\x1b[2m2024-02-29T23:05:09.007Z\x1b[0m \x1b[33mwarn \x1b[0m m \x1b[2mkey=\x1b[0mvalue");
  CHECK(std::regex_replace(line, std::regex("\x1b\\[[0-9]*m"), "") == log::to_line(sample("m", fields)));
}

TEST_CASE("a value is quoted where it could be misread", "[log]") {
  CHECK(field_line("plain-value_1.2:3/[::1]%é") == "key=plain-value_1.2:3/[::1]%é");
  CHECK(field_line("") == R"(key="")");
  CHECK(field_line("two words") == R"(key="two words")");
  CHECK(field_line("a=b") == R"(key="a=b")");
  CHECK(field_line("say \"hi\"") == R"(key="say \"hi\"")");
  CHECK(field_line("\"") == R"(key="\"")");
  CHECK(field_line("back\\slash") == R"(key="back\\slash")");
  CHECK(field_line("line\r\nbreak\ttab") == R"(key="line\r\nbreak\ttab")");
  CHECK(field_line("\x1b[31m\x7f\0"sv) == R"(key="\x1b[31m\x7f\x00")");
  CHECK(field_line("\xff\xc2\x85") == R"(key="\xff\xc2\x85")");
}

TEST_CASE("no message and no key can forge a line", "[log]") {
  CHECK(log::to_line(sample("a\n2024 warn b\r\x1b[0m\\n \"q\" \xc3")).substr(25) ==
        R"(warn  a\n2024 warn b\r\x1b[0m\n "q" \xc3)");
  const log::record::field_text fields[] = {{"a b=c\"d\n", "v"}};
  CHECK(log::to_line(sample("m", fields)).substr(33) == "a_b_c_d_=v");
}

TEST_CASE("a context provider adds its fields behind the call's own", "[log]") {
  capture out(level::info);
  log::set_context_provider([](log::record_builder& builder) {
    builder.add({"task", "main loop"});
    builder.add({"request", std::string("temporary ") + "text"});
  });
  log::info("x", {"own", 1});
  log::set_context_provider(nullptr);
  log::info("y");
  CHECK(out.lines == std::vector<std::string>{R"(info  x own=1 task="main loop" request="temporary text")", "info  y"});
}

TEST_CASE("a sink gets the parts of a record as they are", "[log]") {
  capture out(level::info);
  bool called = false;
  const auto before = std::chrono::system_clock::now();
  const auto previous = log::set_sink([&](const log::record& r) {
    called = true;
    CHECK(r.level == level::error);
    CHECK(r.message == "raw\n");
    CHECK(r.time >= before);
    CHECK(r.time <= std::chrono::system_clock::now());
    REQUIRE(r.fields.size() == 2);
    CHECK(r.fields[0].key == "first");
    CHECK(r.fields[0].value.empty());
    CHECK(r.fields[1].key == "second");
    CHECK(r.fields[1].value == "a \"b\"");
  });
  CHECK(previous);
  log::error("raw\n", {"first", ""}, {"second", "a \"b\""});
  CHECK(called);
}

TEST_CASE("standard error gets each record in one write", "[log]") {
  capture out(level::info);
  stderr_packets err;
  log::set_sink(nullptr);
  log::info("one", {"long", std::string(2000, 'x')});
  log::info("two\n");
  const auto packets = err.take();
  REQUIRE(packets.size() == 2);
  CHECK_THAT(packets[0], EndsWith("Z info  one long=" + std::string(2000, 'x') + '\n'));
  CHECK_THAT(packets[1], EndsWith("Z info  two\\n\n"));
}

TEST_CASE("what a sink logs goes to standard error", "[log]") {
  capture out(level::info);
  stderr_packets err;
  int calls = 0;
  log::set_sink([&](const log::record&) {
    ++calls;
    log::warn("from inside");
  });
  log::info("outer");
  CHECK(calls == 1);
  const auto packets = err.take();
  REQUIRE(packets.size() == 1);
  CHECK_THAT(packets[0], EndsWith("warn  from inside\n"));
}

TEST_CASE("a sink may set another sink", "[log]") {
  capture out(level::info);
  std::string seen;
  log::set_sink([&](const log::record&) {
    log::set_sink([&seen](const log::record& r) { seen += r.message; });
    seen += "first ";
  });
  log::info("lost on the way");
  log::info("second");
  CHECK(seen == "first second");
}

TEST_CASE("a record that cannot be made or written is reported, and logging goes on", "[log]") {
  capture out(level::info);
  stderr_packets err;
  const auto reported = [&] {
    std::string all;
    for (const auto& packet : err.take()) all += packet;
    return all;
  };
  log::info("{}", fails_to_format());
  CHECK(reported() == "wring: a log record was lost: no text today\n");
  log::info("x", {"key", fails_to_format()});
  CHECK(reported() == "wring: a log record was lost: no text today\n");
  CHECK(out.lines.empty());
  log::set_sink([](const log::record&) { throw std::runtime_error("disk full"); });
  log::info("x");
  CHECK(reported() == "wring: a log record was lost: disk full\n");
  log::set_sink([](const log::record&) { throw 1; });
  log::info("x");
  CHECK(reported() == "wring: a log record was lost\n");
  int calls = 0;
  log::set_sink([&](const log::record&) { ++calls; });
  log::info("x");
  CHECK(calls == 1);
}

TEST_CASE("records of many threads reach the sink one at a time, none lost", "[log][threads]") {
  constexpr int per_thread = 500;
  capture out(level::info);
  std::atomic<int> other = 0;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([] {
        for (int i = 0; i < per_thread; ++i) log::info("x", {"i", i});
      });
    }
    writers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        auto previous = log::set_sink([&](const log::record&) { ++other; });
        log::set_context_provider([](log::record_builder& builder) { builder.add({"c", 1}); });
        log::set_sink(std::move(previous));
      }
    });
  }
  CHECK(out.lines.size() + static_cast<std::size_t>(other) == 4 * per_thread);
}

TEST_CASE("WRING_LOG sets the level", "[log]") {
  const auto info = R"(TIME info  at info key="a value")"
                    "\n"s;
  CHECK(child_stderr({}, false) == info);
  CHECK(child_stderr({{"WRING_LOG", ""}}, false) == info);
  CHECK(child_stderr({{"WRING_LOG", "debug"}}, false) == "TIME debug at debug\n" + info);
  CHECK(child_stderr({{"WRING_LOG", "TRACE"}}, false) == "TIME trace at trace\nTIME debug at debug\n" + info);
  CHECK(child_stderr({{"WRING_LOG", "off"}}, false).empty());
  CHECK(child_stderr({{"WRING_LOG", "all\n"}}, false) ==
        R"(TIME warn  the value of WRING_LOG is not a level: logging at info value="all\n" )"
        "levels=\"trace debug info warn error off\"\n" +
            info);
}

TEST_CASE("colour is for terminals whose user has not declined it", "[log]") {
  const auto colour = ContainsSubstring("\x1b[32minfo ");
  CHECK_THAT(child_stderr({}, true), colour);
  CHECK_THAT(child_stderr({{"TERM", "xterm"}, {"NO_COLOR", ""}}, true), colour);
  CHECK_THAT(child_stderr({{"NO_COLOR", "1"}}, true), !ContainsSubstring("\x1b"));
  CHECK_THAT(child_stderr({{"TERM", "dumb"}}, true), !ContainsSubstring("\x1b"));
  CHECK_THAT(child_stderr({}, false), !ContainsSubstring("\x1b"));
}
