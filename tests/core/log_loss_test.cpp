// SPDX-License-Identifier: MIT
// What a standard error that does not block, and is full, makes of a log.

#include <array>
#include <fcntl.h>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <wring/core/log.hpp>

using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

namespace log = wring::log;

/// The log goes to standard error meanwhile, at the level info.
class default_log {
 public:
  default_log() : level_(log::current_level()), found_(log::set_sink(nullptr)) { log::set_level(log::level::info); }
  default_log(const default_log&) = delete;
  default_log& operator=(const default_log&) = delete;
  ~default_log() {
    log::set_sink(std::move(found_));
    log::set_level(level_);
  }

 private:
  log::level level_;
  log::sink found_;
};

struct unformattable {};

constexpr std::string_view loss = "log records were lost: standard error did not take them";

/// While it lives standard error is a pipe that does not block.
class full_stderr {
 public:
  full_stderr() {
    REQUIRE(::pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC) == 0);
    saved_ = ::dup(STDERR_FILENO);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~full_stderr() {
    ::dup2(saved_, STDERR_FILENO);
    for (const int fd : {saved_, ends_[0], ends_[1]}) ::close(fd);
  }
  full_stderr(const full_stderr&) = delete;
  full_stderr& operator=(const full_stderr&) = delete;

  /// To the last byte.
  void fill() const {
    const std::string much(65536, 'f');
    while (::write(ends_[1], much.data(), much.size()) > 0) {
    }
    while (::write(ends_[1], "f", 1) > 0) {
    }
  }
  void drop() const {
    std::array<char, 65536> buffer{};
    while (::read(ends_[0], buffer.data(), buffer.size()) > 0) {
    }
  }
  /// What was written, without times.
  [[nodiscard]] std::string take() const {
    std::string all;
    std::array<char, 65536> buffer{};
    for (ssize_t n = 0; (n = ::read(ends_[0], buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return std::regex_replace(all, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )"), "");
  }

 private:
  std::array<int, 2> ends_{};
  int saved_ = -1;
};

}  // namespace

template <>
struct fmt::formatter<unformattable> : fmt::formatter<int> {
  auto format(const unformattable&, fmt::format_context& context) const -> decltype(context.out()) {
    throw std::runtime_error("no text today");
  }
};

TEST_CASE("records that a full standard error did not take are counted and told", "[log][log_loss]") {
  const default_log used;
  full_stderr err;
  log::info("before");
  CHECK(err.take() == "info  before\n");
  for (int round = 1; round <= 3; ++round) {
    err.fill();
    for (int i = 0; i < round; ++i) log::info("lost");
    err.drop();
    log::info("after");
    CHECK(err.take() == fmt::format("warn  {} count={}\ninfo  after\n", loss, round));
  }
  log::info("as ever");
  CHECK(err.take() == "info  as ever\n");
}

TEST_CASE("a record that standard error took a part of counts as lost, and ends its line", "[log][log_loss]") {
  const default_log used;
  full_stderr err;
  log::info("long", {"x", std::string(100'000, 'x')});
  log::info("lost");
  const std::string part = err.take();
  CHECK_THAT(part, StartsWith("info  long x=xxx"));
  CHECK_THAT(part, EndsWith("x"));
  log::info("after");
  CHECK(err.take() == fmt::format("\nwarn  {} count=2\ninfo  after\n", loss));
}

TEST_CASE("records that cannot be made are counted too if that cannot be told", "[log][log_loss]") {
  const default_log used;
  full_stderr err;
  err.fill();
  log::info("{}", unformattable());
  err.drop();
  log::info("after");
  CHECK(err.take() == fmt::format("warn  {} count=1\ninfo  after\n", loss));
}

TEST_CASE("of many threads that meet a full standard error each loss is told once", "[log][log_loss][threads]") {
  const default_log used;
  full_stderr err;
  constexpr int per_thread = 200;
  err.fill();
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([] {
        for (int i = 0; i < per_thread; ++i) log::info("lost");
      });
    }
  }
  err.drop();
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < 4; ++t) writers.emplace_back([] { log::info("after"); });
  }
  const std::string told = err.take();
  const std::string news = fmt::format("warn  {} count={}\n", loss, 4 * per_thread);
  const auto place = told.find(news);
  REQUIRE(place != std::string::npos);
  CHECK(told.find("count=", place + news.size()) == std::string::npos);
}
