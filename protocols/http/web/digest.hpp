// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::web {

/// The hashes of digest authentication (RFC 7616, section 3.3). MD5 is there for peers that know nothing else.
enum class digest_algorithm : std::uint8_t { md5, sha256 };

/// As in a field: "MD5", "SHA-256".
[[nodiscard]] WRING_API std::string_view name_of(digest_algorithm a) noexcept;

/// The parameters of a challenge, or of the credentials that answer it, without their quotation marks. Empty: not
/// there.
struct digest_parameters {
  std::string realm;
  std::string nonce;
  std::string opaque;
  std::string qop;
  std::string algorithm;
  std::string stale;
  std::string username;
  std::string uri;
  std::string response;
  std::string cnonce;
  std::string nc;
  std::string userhash;

  /// Reads what follows `Digest`; stops before another challenge. None for what is no list of parameters, or has one
  /// twice. Parameters that are not known are passed over (RFC 7616, section 3.3).
  [[nodiscard]] WRING_API static std::optional<digest_parameters> parse(std::string_view text);
  /// None for one that is not known; MD5 if there is none.
  [[nodiscard]] WRING_API std::optional<digest_algorithm> hash() const noexcept;
};

/// The response to `p` of who has this name and password (section 3.4.1, with "auth" as qop). Throws std::runtime_error
/// where the hash is not allowed, as MD5 on some systems.
[[nodiscard]] WRING_API std::string digest_response(digest_algorithm a, const digest_parameters& p,
                                                    std::string_view password, std::string_view method);

/// What Authorization says in answer to a WWW-Authenticate field; none if that is no challenge this can answer: another
/// scheme, another hash, or no "auth" among its qop. `cnonce` is a text that is used once.
[[nodiscard]] WRING_API std::optional<std::string> answer_digest_challenge(
    std::string_view challenge, std::string_view name, std::string_view password, std::string_view method,
    std::string_view target, std::string_view cnonce);

}  // namespace wring::web
