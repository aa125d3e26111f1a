// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <wring/core/detail/export.hpp>

namespace wring {

/// Which engine runs, and why; the features of the kernel that it found; and which way each kind of operation takes:
/// one `name: text` a line, for people.
///
/// Says it of this thread's scheduler; without one, of the engine that a scheduler with default options would get,
/// which it makes for the purpose. Then it throws what making a scheduler would: io_error with the cause and the cure
/// where the kernel refuses, std::invalid_argument for a wrong WRING_ENGINE.
[[nodiscard]] WRING_API std::string explain();

}  // namespace wring
