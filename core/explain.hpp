// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <wring/core/detail/export.hpp>

namespace wring {

/// Which engine runs, and why; the kernel features that it found; and how each kind of operation is carried out: one
/// `name: text` per line, for people.
///
/// Describes this thread's scheduler; without one, the engine that a scheduler with default options would get, which it
/// makes for the purpose. It then throws what making a scheduler would: io_error with the cause and the cure where the
/// kernel refuses, std::invalid_argument for a wrong WRING_ENGINE.
[[nodiscard]] WRING_API std::string explain();

}  // namespace wring
