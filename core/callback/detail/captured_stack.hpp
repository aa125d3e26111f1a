// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// The calls that were under way at some place, or nothing. Copies share them. Any thread.
class WRING_API captured_stack {
 public:
  captured_stack() noexcept = default;
  captured_stack(captured_stack&& other) noexcept : calls_(std::exchange(other.calls_, nullptr)) {}
  captured_stack(const captured_stack& other) noexcept : calls_(other.calls_) {
    if (calls_ != nullptr) retain();
  }
  captured_stack& operator=(captured_stack other) noexcept {
    std::swap(calls_, other.calls_);
    return *this;
  }
  ~captured_stack() {
    if (calls_ != nullptr) release();
  }

  /// Whether here() captures anything. Off at first.
  static void enable(bool on) noexcept;
  [[nodiscard]] static bool enabled() noexcept;

  /// The caller and its callers, if that is enabled and there is memory for it.
  [[nodiscard]] static captured_stack here() noexcept;

  [[nodiscard]] explicit operator bool() const noexcept { return calls_ != nullptr; }

  /// One line a call, the innermost first: "client::answer (client.cpp:12)" where the program has debug information and
  /// the platform a library to read it, "client::answer (program+0x1f2)" or "program+0x1f2" otherwise. Calls inside
  /// of std, wring::detail and wring::failure are left out.
  [[nodiscard]] std::vector<std::string> lines() const;
  /// The same as one line, for the log: "client::answer (client.cpp:12) < main (main.cpp:3)".
  [[nodiscard]] std::string line() const;

 private:
  struct calls;

  void retain() const noexcept;
  void release() noexcept;

  calls* calls_ = nullptr;
};

/// An exception on its way through a chain, and where it came into it, if that was captured.
struct fault {
  std::exception_ptr exception;
  captured_stack stack = {};
};

/// An exception that comes into a chain, with the stack of the caller; with the one it had, if it is the one that
/// rethrow() has thrown in this thread last.
[[nodiscard]] WRING_API fault fault_of(std::exception_ptr exception) noexcept;

/// Throws the exception. The stack is remembered, in case that it is caught and becomes a fault again.
[[noreturn]] WRING_API void rethrow(const fault& f);

/// "client::answer" of "int client::answer<std::string>(std::string) const [clone .actor]".
[[nodiscard]] WRING_API std::string short_symbol_name(std::string name);

}  // namespace wring::detail
