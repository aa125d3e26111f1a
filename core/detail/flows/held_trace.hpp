// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

struct exception_trace;

/// Owns a trace, or nothing. A unique_ptr that needs neither <memory> nor the class, for the headers of tasks.
class held_trace {
 public:
  held_trace() noexcept = default;
  held_trace(held_trace&& other) noexcept : trace_(std::exchange(other.trace_, nullptr)) {}
  held_trace& operator=(held_trace&& other) noexcept {
    std::swap(trace_, other.trace_);
    return *this;
  }
  ~held_trace() {
    if (trace_ != nullptr) [[unlikely]]
      destroy();
  }

  /// The trace, an empty one if there was none. Null if there is no memory for it.
  WRING_API exception_trace* made() noexcept;

  [[nodiscard]] exception_trace* get() const noexcept { return trace_; }
  [[nodiscard]] exception_trace* operator->() const noexcept { return trace_; }
  friend bool operator==(const held_trace& h, decltype(nullptr)) noexcept { return h.trace_ == nullptr; }

 private:
  WRING_API void destroy() noexcept;

  exception_trace* trace_ = nullptr;
};

}  // namespace wring::detail
