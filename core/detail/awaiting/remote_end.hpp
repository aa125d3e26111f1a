// SPDX-License-Identifier: MIT
#pragma once

namespace wring::detail {

/// A wait whose end another thread has announced. Linked, so that to announce it takes no room and cannot fail; it is
/// completed on its scheduler's thread.
struct remote_end {
  constexpr explicit remote_end(void (*on_turn)(remote_end&) noexcept) noexcept : complete(on_turn) {}
  void (*complete)(remote_end&) noexcept;
  remote_end* announced_before = nullptr;
};

}  // namespace wring::detail
