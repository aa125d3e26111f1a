// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <wring/core/detail/escape.hpp>
#include <wring/core/detail/process/standard_descriptors.hpp>
#include <wring/core/log.hpp>

namespace wring::log {
namespace {

constexpr std::string_view level_names[] = {"trace", "debug", "info", "warn", "error", "off"};
constexpr signed char unread = -1;
constexpr std::string_view loss_message = "log records were lost: standard error did not take them";

std::atomic<context_provider> the_context_provider = nullptr;
std::atomic<detail::wall_clock> the_wall_clock = +[]() noexcept { return std::chrono::system_clock::now(); };

struct sink_state {
  std::recursive_mutex mutex;  // recursive: a sink may set another
  std::shared_ptr<sink> current;
};

/// Never destroyed: destructors of statics may log.
sink_state& the_sink() {
  static auto& state = *new sink_state;
  return state;
}

thread_local bool inside_sink = false;

/// The records that standard error did not accept since that was last reported.
constinit std::atomic<std::uint64_t> lost = 0;
/// Whether a write ended within a line.
constinit std::atomic<bool> torn = false;

/// Writes `line`, as far as standard error takes it: one that does not block may be full. Returns whether all of it was
/// written.
bool write_line(std::string_view line) noexcept {
  if (torn.exchange(false)) {
    ::ssize_t ended = 0;
    while ((ended = ::write(STDERR_FILENO, "\n", 1)) < 0 && errno == EINTR) {
    }
    if (ended <= 0) {
      torn = true;
      return false;
    }
  }
  std::size_t written = 0;
  while (written < line.size()) {
    const ::ssize_t n = ::write(STDERR_FILENO, line.data() + written, line.size() - written);
    if (n > 0) {
      written += static_cast<std::size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      if (written > 0) torn = true;
      // Before there is a scheduler that has seen to it. The next socket must not get the number, and the next line.
      if (n < 0 && errno == EBADF) wring::detail::open_standard_descriptors();
      return false;
    }
  }
  return true;
}

/// Without memory, and so within one buffer.
void report_loss(std::string_view separator, std::string_view why) noexcept {
  std::array<char, 512> line;
  auto* const end =
      fmt::format_to_n(line.data(), line.size() - 1, "wring: a log record was lost{}{}", separator, why).out;
  *end = '\n';
  if (!write_line({line.data(), end + 1})) ++lost;
}

void write_record(const record& r) {
  if (inside_sink) return write_to_stderr(r);
  auto& state = the_sink();
  std::unique_lock lock(state.mutex);
  const auto chosen = state.current;
  if (!chosen) {
    lock.unlock();
    return write_to_stderr(r);
  }
  struct mark {
    mark() { inside_sink = true; }
    ~mark() { inside_sink = false; }
  } const marked;
  (*chosen)(r);
}

void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<milliseconds>(time - day));
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                 clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

void append_key(std::string& out, std::string_view key) {
  for (const char c : key) out += c > ' ' && c != '\x7f' && c != '=' && c != '"' ? c : '_';
}

bool colour_allowed() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_colour == nullptr || *no_colour == '\0') && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

}  // namespace

constinit std::atomic<signed char> detail::threshold = unread;

std::string_view to_string(level l) noexcept { return level_names[static_cast<std::size_t>(l)]; }

std::optional<level> parse_level(std::string_view name) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto same = [&](std::string_view known) { return std::ranges::equal(name, known, {}, lower); };
  const auto* const found = std::ranges::find_if(level_names, same);
  if (found == std::end(level_names)) return std::nullopt;
  return static_cast<level>(found - level_names);
}

void detail::append_value(std::string& out, std::string_view value) {
  std::string escaped;
  wring::detail::append_escaped(escaped, value, "\"\\");
  const bool plain = !value.empty() && escaped == value && value.find_first_of(" =") == std::string_view::npos;
  out += plain ? escaped : '"' + escaped + '"';
}

std::string to_line(const record& r, bool colour) {
  static constexpr std::string_view level_colours[] = {"\x1b[90m", "\x1b[36m", "\x1b[32m", "\x1b[33m", "\x1b[31m", ""};
  const auto style = [&](std::string_view code) { return colour ? code : std::string_view(); };
  const auto dim = style("\x1b[2m");
  const auto plain = style("\x1b[0m");

  std::string out(dim);
  append_time(out, r.time);
  fmt::format_to(std::back_inserter(out), "{} {}{:<5}{} ", plain,
                 style(level_colours[static_cast<std::size_t>(r.level)]), to_string(r.level), plain);
  wring::detail::append_escaped(out, r.message, "");
  for (const auto& [key, value] : r.fields) {
    out += ' ';
    out += dim;
    append_key(out, key);
    out += '=';
    out += plain;
    detail::append_value(out, value);
  }
  return out;
}

void write_to_stderr(const record& r) {
  static const bool allowed = colour_allowed();
  const bool colour = allowed && ::isatty(STDERR_FILENO) == 1;
  const std::string line = to_line(r, colour) + '\n';
  if (auto count = lost.load(); count != 0) [[unlikely]] {
    const std::string number = std::to_string(count);
    const record::field_text field{.key = "count", .value = number};
    const std::string notice =
        to_line({.time = r.time, .level = level::warn, .message = loss_message, .fields = {&field, 1}}, colour) + '\n';
    // Of several threads one says it.
    if (lost.compare_exchange_strong(count, 0) && !write_line(notice)) {
      lost += count + 1;
      return;
    }
  }
  if (!write_line(line)) ++lost;
}

sink set_sink(sink s) {
  auto next = s ? std::make_shared<sink>(std::move(s)) : nullptr;
  auto& state = the_sink();
  const std::lock_guard lock(state.mutex);
  state.current.swap(next);
  return next ? *next : nullptr;
}

level current_level() noexcept {
  const auto threshold = detail::threshold.load(std::memory_order_relaxed);
  return static_cast<level>(threshold == unread ? detail::load_threshold() : threshold);
}

void set_level(level l) noexcept { detail::threshold.store(static_cast<signed char>(l), std::memory_order_relaxed); }

void set_context_provider(context_provider provider) noexcept { the_context_provider = provider; }

void detail::set_wall_clock(wall_clock clock) noexcept { the_wall_clock.store(clock, std::memory_order_relaxed); }

void record_builder::add(const field& f) {
  if (f.empty()) return;
  f.append_to(values_);
  entries_.push_back({f.key(), values_.size()});
}

std::vector<record::field_text> record_builder::finish() const {
  std::vector<record::field_text> fields;
  fields.reserve(entries_.size());
  std::size_t begin = 0;
  for (const auto& [key, end] : entries_) {
    fields.push_back({key, std::string_view(values_).substr(begin, end - begin)});
    begin = end;
  }
  return fields;
}

signed char detail::load_threshold() noexcept {
  const char* const text = std::getenv("WRING_LOG");
  const bool given = text != nullptr && *text != '\0';
  const auto parsed = given ? parse_level(text) : level::info;
  auto expected = unread;
  if (!threshold.compare_exchange_strong(expected, static_cast<signed char>(parsed.value_or(level::info)))) {
    return expected;
  }
  if (!parsed) {
    log::warn("the value of WRING_LOG is not a level: logging at info", {"value", text},
              {"levels", fmt::join(level_names, " ")});
  }
  return threshold.load(std::memory_order_relaxed);
}

void detail::emit(level l, fmt::string_view format, fmt::format_args args, std::span<const field> fields) noexcept {
  try {
    const auto now = the_wall_clock.load(std::memory_order_relaxed)();
    const std::string message = fmt::vformat(format, args);
    record_builder builder;
    for (const field& f : fields) builder.add(f);
    if (const auto provider = the_context_provider.load()) provider(builder);
    const auto texts = builder.finish();
    write_record({.time = now, .level = l, .message = message, .fields = texts});
  } catch (const std::exception& e) {
    report_loss(": ", e.what());
  } catch (...) {
    report_loss("", "");
  }
}

}  // namespace wring::log
