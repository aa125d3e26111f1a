// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/protocols/http/content/seal_keys.hpp>
#include <wring/protocols/http/handler.hpp>
#include <wring/protocols/http/middleware/user.hpp>
#include <wring/protocols/http/web/digest.hpp>

namespace wring::web {

/// Middleware that lets only those in who know a password, which they do not send (RFC 7616): what Twisted's `guard`
/// does with a `DigestCredentialFactory`. For programs whose clients want it; `http::basic_auth` over TLS is better,
/// since this needs the passwords themselves, and protects nothing else of a request. What comes after it finds the
/// name as `rq.get<http::user>()`.
///
///     r.use(web::digest_auth("admin", keys, [](std::string_view name) { return password_of(name); }));
///
/// Nonces are sealed, so that nothing is kept for them, and are good for `nonce_lifetime`, on all schedulers that have
/// the same keys; within that time a request that somebody has listened to can be repeated. The qop is "auth".
class WRING_API digest_auth {
 public:
  /// The password of a user; none: there is no such user.
  using passwords = std::function<std::optional<std::string>(std::string_view user)>;

  static constexpr duration nonce_lifetime = std::chrono::minutes(15);

  /// The keys must outlive it. Clients are offered these algorithms, the preferred one first. Throws
  /// std::invalid_argument if the realm has control characters, or there is no function or no algorithm.
  digest_auth(std::string_view realm, const http::seal_keys& keys, passwords of,
              std::vector<digest_algorithm> algorithms = {digest_algorithm::sha256, digest_algorithm::md5});

  http::verdict operator()(http::request& rq, http::response& rs) const;

 private:
  enum class outcome : std::uint8_t { right, stale, wrong };
  [[nodiscard]] outcome check(const http::request& rq, std::string& user) const;

  std::string realm_;
  std::string challenge_;
  const http::seal_keys* keys_;
  passwords passwords_;
  std::vector<digest_algorithm> algorithms_;
};

}  // namespace wring::web
