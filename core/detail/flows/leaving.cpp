// SPDX-License-Identifier: MIT
#include <wring/core/detail/flows/leaving.hpp>

namespace wring::detail {

namespace {

constinit thread_local bool leaving = false;

}  // namespace

bool leaving_early() noexcept { return leaving || std::uncaught_exceptions() != 0; }

unwinding_frames::unwinding_frames() noexcept { leaving = true; }
unwinding_frames::~unwinding_frames() { leaving = false; }

void frame_failed() noexcept { leaving = true; }

void rethrow_failure(const std::exception_ptr& failure) {
  leaving = false;
  std::rethrow_exception(failure);
}

}  // namespace wring::detail
