// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/task.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/file.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/protocols/http/content/byte_ranges.hpp>
#include <wring/protocols/http/content/detail/served_file.hpp>
#include <wring/protocols/http/content/file_answer_options.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http {
class request;
class response;
}  // namespace wring::http

namespace wring::http::detail {

/// What an answer says of a file.
struct file_head {
  std::string_view type;
  std::string_view download = {};
  std::optional<duration> max_age = {};
  bool immutable = false;  ///< with max_age: it will never change
};

/// Sets the head, and decides by the request what is sent: none if the answer is complete (304, 412, 416), the ranges,
/// or, where there are none, everything.
[[nodiscard]] WRING_API std::optional<byte_ranges> begin_file_answer(method m, const fields& headers, response& rs,
                                                                     const served_file& file, const file_head& head);

/// What follows: bytes in memory, or the open file.
WRING_API void send_cached(response& rs, const net::shared_bytes& bytes, const byte_ranges& ranges,
                           std::string_view type);
[[nodiscard]] WRING_API task<> send_opened(method m, response& rs, net::file& from, const byte_ranges& ranges,
                                           std::uint64_t size, std::string_view type);

/// Answers what a file could not be opened for, as far as that is the request's fault; throws otherwise.
WRING_API void refuse_file(response& rs, int number, const std::string& path);

/// Answers who has asked for a directory without the slash at the end.
WRING_API void redirect_to_directory(const request& rq, response& rs);

/// "attachment" with a name that any client understands (RFC 6266).
[[nodiscard]] WRING_API std::string attachment(std::string_view name);

}  // namespace wring::http::detail
