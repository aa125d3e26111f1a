// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include <wring/core/error.hpp>

namespace wring::http {

enum class access_log_format : std::uint8_t {
  combined,    ///< the line that Apache and nginx call so: what most programs that read such logs expect
  structured,  ///< a JSON object, which has the time that a request took, its id, and whether the answer was cut
};

/// What a line of an access log says. The texts come from the client, and are escaped.
struct access_record {
  error_address peer = {};
  std::string_view user = {};    ///< if it was authenticated
  std::string_view method = {};  ///< empty if the request could not be parsed
  std::string_view target = {};
  std::string_view referer = {};
  std::string_view agent = {};
  std::string_view id = {};                         ///< if it was given one
  std::uint64_t bytes = 0;                          ///< of the answer's body
  std::int64_t elapsed = 0;                         ///< nanoseconds
  std::chrono::system_clock::time_point time = {};  ///< when the answer was complete
  std::uint16_t status = 0;                         ///< 499 if the client had gone, or the handler was cut off before
  std::uint8_t minor = 1;
  bool cut = false;  ///< the answer has been begun and not been completed
};

}  // namespace wring::http
