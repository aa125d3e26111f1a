// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>

/// The one terminal of the process that is in raw mode, and how it gets back out of it.
namespace wring::detail {

/// Puts the terminal `fd` in raw mode; with `keys_signal`, Ctrl+C and others still signal. Returns 0, or -errno: EBUSY
/// if there is one already. The descriptor is duplicated. From now on it is put back before the process ends by `exit`
/// or by a signal that has its default effect, and while a signal stops it; and again in raw mode when it continues in
/// the foreground.
[[nodiscard]] WRING_API int begin_raw_terminal(int fd, bool keys_signal) noexcept;
/// Puts it back, and the signals' dispositions.
WRING_API void end_raw_terminal() noexcept;
/// For what is about to end the process without `exit`: puts back the terminal, if one is in raw mode. May be called by
/// signal handlers.
WRING_API void restore_terminal() noexcept;

}  // namespace wring::detail
