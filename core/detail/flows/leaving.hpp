// SPDX-License-Identifier: MIT
#pragma once

#include <exception>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// Whether what is destroyed now is left by an exception, or by a task that is cancelled: for destructors that finish
/// something properly only if what they belong to has come to its own end. The parameters of a coroutine are destroyed
/// after its exception has been caught, so std::uncaught_exceptions() does not tell. The scheduler's thread.
[[nodiscard]] WRING_API bool leaving_early() noexcept;

/// While this exists, the frames that are destroyed are those of a cancelled task.
class unwinding_frames {
 public:
  unwinding_frames() noexcept;
  unwinding_frames(const unwinding_frames&) = delete;
  unwinding_frames& operator=(const unwinding_frames&) = delete;
  ~unwinding_frames();
};

/// The frame that is about to be destroyed has ended with an exception.
void frame_failed() noexcept;

/// Throws what a task has ended with: its frame has been destroyed.
[[noreturn]] WRING_API void rethrow_failure(const std::exception_ptr& failure);

}  // namespace wring::detail
