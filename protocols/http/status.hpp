// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// "Not Found"; empty for a status that RFC 9110 and the registry do not name.
[[nodiscard]] WRING_API std::string_view reason_of(int status) noexcept;

/// Ends a handler with a status: `throw http::status_error(404)`. Becomes the answer, if none has been begun; otherwise
/// the connection is cut, as by any exception. Reading a body throws it for what the client has done wrong.
class WRING_API status_error : public std::runtime_error {
 public:
  /// `text` is for the client; `for_log` is not shown to it. Throws std::invalid_argument for a status that is not 400
  /// to 599.
  explicit status_error(int status, std::string text = {}, const std::string& for_log = {});

  [[nodiscard]] int status() const noexcept { return status_; }
  /// What the client is told besides the status; may be empty.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  int status_;
  std::string text_;
};

}  // namespace wring::http
