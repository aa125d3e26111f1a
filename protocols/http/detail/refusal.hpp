// SPDX-License-Identifier: MIT
#pragma once

namespace wring::http::detail {

/// Why a message is refused: the status that the client gets, and what is wrong, for the log. No refusal: status 0.
struct refusal {
  int status = 0;
  const char* reason = "";

  explicit operator bool() const noexcept { return status != 0; }
};

}  // namespace wring::http::detail
