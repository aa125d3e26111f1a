// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// What `compression` compresses.
struct compression_options {
  // Levels, as content_encoder has them; none: the coding is not offered, nor is one that the library was built
  // without.
  std::optional<int> zstd = 3;
  std::optional<int> brotli = 4;
  std::optional<int> gzip = 6;
  std::uint64_t smallest = 1024;  ///< bytes; answers that are known to have fewer are sent as they are
  std::size_t at_once = 64;       ///< answers, of a scheduler; more are sent as they are. See content_encoder's memory
  std::size_t kept = 8;           ///< compressors of each coding that are kept for the next answers
  /// Also answers that set cookies or depend on who asks. Whoever can make a browser send requests, and see the sizes
  /// of the answers, may find out secrets that stand beside what he chooses (the attack BREACH).
  bool secrets = false;
};
static_assert(std::is_trivially_destructible_v<compression_options>);

/// Middleware that compresses answers as the client accepts it (RFC 9110, section 12.5.3): of the codings that it likes
/// best zstd, brotli or gzip, in this order, which is that of the time they take.
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
/// scheduler. Throws std::invalid_argument for a level that its coding does not have, and if no coding is left.
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
