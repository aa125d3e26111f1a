// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

struct request_ids_options {
  /// Takes over the id that the request has, if it is 1 to 128 letters, digits, or one of `-_.+/=`: behind a proxy that
  /// sets it. By default clients choose no ids.
  bool trust_request = false;
};
static_assert(std::is_trivially_destructible_v<request_ids_options>);

/// A request's id, that request_ids has given it: `rq.get<http::request_id>().text`. Valid as long as the request.
struct request_id {
  std::string_view text;
};

/// Middleware that gives each request an id, `X-Request-Id` of the answer, under which logs can be searched: unlike
/// that of any other request, of this program or another, but not secret. Use one for each scheduler.
class WRING_API request_ids {
 public:
  explicit request_ids(const request_ids_options& options = {}) noexcept : options_(options) {}

  void operator()(request& rq, response& rs);

 private:
  request_ids_options options_;
  std::array<char, 16> prefix_{};  // random; made when the first request comes
  std::uint64_t count_ = 0;
};

}  // namespace wring::http
