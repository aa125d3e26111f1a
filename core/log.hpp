// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <wring/core/detail/export.hpp>
#include <wring/core/format.hpp>

/// Records of what happens: a level, a message, and fields that programs can pick out.
///
///     log::info("listening on {}", address);
///     log::warn("connection failed", {"peer", address}, {"error", e});
///
/// The message is either a format, which is checked when compiled, or is followed by up to eight fields. Data from
/// outside belongs in fields: they are quoted where needed, so that a value cannot be mistaken for a field. A record
/// below the level costs one branch: nothing is formatted. Everything here may be called from any thread, and nothing
/// throws: a record that cannot be made or written is lost, with a line on standard error that says so. If standard
/// error itself accepts nothing (it is non-blocking, and full), the losses are counted and reported with the next line
/// that gets through.
namespace wring::log {

/// The severity of a record. As the level set, the least severe that is written: `off` writes nothing.
enum class level : signed char { trace, debug, info, warn, error, off };

/// "trace", "debug", "info", "warn", "error" or "off".
[[nodiscard]] WRING_API std::string_view to_string(level l) noexcept;

/// The level that to_string() names `name`, in upper or lower case. None for other names.
[[nodiscard]] WRING_API std::optional<level> parse_level(std::string_view name) noexcept;

/// A key and a value that fmt can format. It refers to both: make it where it is used.
class field {
 public:
  /// No field.
  constexpr field() noexcept = default;

  template <class T>
  field(std::string_view key, const T& value) noexcept
      : key_(key), value_(std::addressof(value)), append_([](std::string& out, const void* object) {
          fmt::vformat_to(std::back_inserter(out), "{}", fmt::make_format_args(*static_cast<const T*>(object)));
        }) {}

  [[nodiscard]] bool empty() const noexcept { return append_ == nullptr; }
  [[nodiscard]] std::string_view key() const noexcept { return key_; }

  /// Appends the value's text.
  void append_to(std::string& out) const { append_(out, value_); }

 private:
  std::string_view key_;
  const void* value_ = nullptr;
  void (*append_)(std::string&, const void*) = nullptr;
};

/// What a sink is passed. Everything in it is valid during the call only.
struct record {
  /// Text as it was given: it may hold any byte.
  struct field_text {
    std::string_view key;
    std::string_view value;
  };

  std::chrono::system_clock::time_point time;
  log::level level;
  std::string_view message;
  std::span<const field_text> fields;  ///< those of the call, then those of the context
};

/// `r` as one line without its end: UTC time with milliseconds, level, message, `key=value` fields. A value is quoted
/// where it is empty or holds a space, a quote, a backslash, an equals sign or a character that does not print. Control
/// characters and invalid UTF-8 are escaped everywhere, so that no text can start a line of its own or steer a
/// terminal.
[[nodiscard]] WRING_API std::string to_line(const record& r, bool colour = false);

/// The sink that is used unless another is set: to_line() to standard error, with one write(2) a record; in colour if
/// that is a terminal, unless NO_COLOR is set to something or TERM is "dumb". A record that standard error does not
/// accept whole is dropped and counted: the next one starts a line of its own, after a record that says how many were
/// lost.
WRING_API void write_to_stderr(const record& r);

using sink = std::function<void(const record&)>;

/// Sends all further records to `s`, or with none, to the initial one. Returns the previous sink. A sink is called for
/// one record at a time, from the thread that writes it; what it logs itself goes to write_to_stderr().
WRING_API sink set_sink(sink s);

/// The level set, or else that in the environment variable WRING_LOG, or else `info`.
[[nodiscard]] WRING_API level current_level() noexcept;

WRING_API void set_level(level l) noexcept;

namespace detail {

inline constexpr field no_field;

/// The least level that is written; below every level until WRING_LOG has been read.
extern WRING_API constinit std::atomic<signed char> threshold;

/// Appends a field's value as to_line() shows it.
WRING_API void append_value(std::string& out, std::string_view value);

/// Reads WRING_LOG, if no level has been set meanwhile. Returns the threshold.
WRING_API signed char load_threshold() noexcept;

WRING_API void emit(level l, fmt::string_view format, fmt::format_args args, std::span<const field> fields) noexcept;

}  // namespace detail

/// Where a context provider puts its fields.
class record_builder {
 public:
  /// Adds a field. Its key must outlive the record; its value is copied as text.
  WRING_API void add(const field& f);

 private:
  friend void detail::emit(level, fmt::string_view, fmt::format_args, std::span<const field>) noexcept;

  struct entry {
    std::string_view key;
    std::size_t value_end;
  };
  record_builder() = default;
  std::vector<record::field_text> finish() const;

  std::vector<entry> entries_;
  std::string values_;  // one after the other
};

/// Adds the fields of the running task, or of whatever else runs, to a record. Called in the thread that writes the
/// record.
using context_provider = void (*)(record_builder&);

/// Calls `provider` for all further records; null for none.
WRING_API void set_context_provider(context_provider provider) noexcept;

namespace detail {

/// The time of day, as this thread sees it.
using wall_clock = std::chrono::system_clock::time_point (*)() noexcept;

/// Records are dated by `clock` from now on. For schedulers, which know their engine's clock.
WRING_API void set_wall_clock(wall_clock clock) noexcept;

}  // namespace detail

/// Whether records of level `l` are written. Ask it before gathering what is costly.
[[nodiscard]] inline bool enabled(level l) noexcept {
  const signed char threshold = detail::threshold.load(std::memory_order_relaxed);
  const auto wanted = static_cast<signed char>(l);
  return wanted >= threshold && (threshold >= 0 || wanted >= detail::load_threshold());
}

/// Writes records of one level.
class logger {
 public:
  explicit constexpr logger(level l) noexcept : level_(l) {}

  /// A message made from `args`.
  template <class... Args>
  void operator()(fmt::format_string<Args...> format, Args&&... args) const noexcept {
    if (enabled(level_)) detail::emit(level_, format, fmt::make_format_args(args...), {});
  }

  /// A plain message with fields.
  void operator()(fmt::format_string<> message, const field& f1, const field& f2 = detail::no_field,
                  const field& f3 = detail::no_field, const field& f4 = detail::no_field,
                  const field& f5 = detail::no_field, const field& f6 = detail::no_field,
                  const field& f7 = detail::no_field, const field& f8 = detail::no_field) const noexcept {
    // Gathered after the branch, so that nothing else is left of a call whose level is off.
    if (enabled(level_)) detail::emit(level_, message, {}, std::array<field, 8>{f1, f2, f3, f4, f5, f6, f7, f8});
  }

 private:
  level level_;
};

inline constexpr logger trace(level::trace);
inline constexpr logger debug(level::debug);
inline constexpr logger info(level::info);
inline constexpr logger warn(level::warn);
inline constexpr logger error(level::error);

}  // namespace wring::log
