// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// What `compression` compresses.
struct compression_options {
  int level = 6;                  ///< 1, the fastest, to 9
  std::uint64_t smallest = 1024;  ///< bytes; answers that are known to have fewer are sent as they are
  std::size_t at_once = 256;      ///< answers, of a scheduler; more are sent as they are. Each takes some 260 KiB
  std::size_t kept = 8;           ///< compressors that are kept for the next answers
  /// Also answers that set cookies or depend on who asks. Whoever can make a browser send requests, and see the sizes
  /// of the answers, may find out secrets that stand beside what he chooses (the attack BREACH).
  bool secrets = false;
};
static_assert(std::is_trivially_destructible_v<compression_options>);

/// Middleware that compresses answers as gzip where the client accepts it (RFC 9110, section 12.5.3):
///
///     site.use(http::compression());
///
/// Whole answers, answers in pieces, of which every `write_all` reaches the client at once, and files, whose ranges are
/// then not known. Not compressed are types for which it is not worth it (`is_compressible`), event streams, what has a
/// Content-Encoding or is a part (206), error pages, what `Cache-Control: no-transform` forbids, and, unless the
/// options say otherwise, answers with Set-Cookie, `Cache-Control: private`, a Vary by Cookie or Authorization, and
/// those to requests with Authorization.
///
/// All answers get `Vary: Accept-Encoding`. A strong ETag becomes weak: If-None-Match works as before. Movable; one
/// scheduler. Throws std::invalid_argument for a level that is none.
class WRING_API compression {
 public:
  explicit compression(const compression_options& options = {});

  void operator()(request& rq, response& rs) const;

 private:
  struct pool;
  class lent_encoder;

  std::shared_ptr<pool> pool_;
};

}  // namespace wring::http
