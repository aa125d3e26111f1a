// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http {

class request;
class response;

/// What conditions compare: the current state of a representation.
struct validators {
  bool exists = true;                                     ///< false: there is no representation now
  std::string_view tag = {};                              ///< as in ETag, with its quotation marks; empty: none
  std::optional<std::chrono::sys_seconds> modified = {};  ///< as in Last-Modified
};

/// What a request's conditions come to.
enum class condition : std::uint8_t {
  met,           ///< or there are none: go on
  not_modified,  ///< answer 304: the client has it already
  failed,        ///< answer 412: the state is not what the client takes it for
};

/// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110, section
/// 13.2.2. For a resource whose answer would be a success otherwise. `now` is the wall clock's time, see parse_date.
[[nodiscard]] WRING_API condition evaluate_conditions(method m, const fields& headers, const validators& current,
                                                      std::chrono::sys_seconds now) noexcept;

/// Whether a Range field applies: there is no If-Range, or the client has a part of the very same bytes (RFC 9110,
/// section 13.1.5). A time tells that only if more than a second has passed since.
[[nodiscard]] WRING_API bool range_applies(const fields& headers, const validators& current,
                                           std::chrono::sys_seconds now) noexcept;

/// Sets ETag and Last-Modified, evaluates the conditions, and answers 304 or 412 where they say so. Whether to go on.
///
///     void show(http::request& rq, http::response& rs) {
///       if (!http::check_conditions(rq, rs, {.tag = page.tag})) return;
///       rs.html(page.text);
///     }
///
/// On the scheduler's thread. Throws as response::header does.
WRING_API bool check_conditions(const request& rq, response& rs, const validators& current);

}  // namespace wring::http
