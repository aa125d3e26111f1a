// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::http {

/// The scheme of a URL that a client can fetch.
enum class url_scheme : std::uint8_t {
  http,
  https,
  http_unix,  ///< HTTP over a Unix socket, whose path is the host, escaped: "http+unix://%2Frun%2Fapp.sock/status"
};

/// A whole URL, as a client needs it, taken apart (RFC 3986; RFC 9110, section 4.2). A value; one thread at a time.
class WRING_API absolute_url {
 public:
  /// None if `text` is no such URL: another scheme, no host, a bad port, bad escapes, controls. Other characters that
  /// must be escaped in path and query are escaped. Host and scheme are put in lower case, an empty path is "/", and
  /// dot segments are removed. Throws std::bad_alloc.
  [[nodiscard]] static std::optional<absolute_url> parse(std::string_view text);
  /// What a reference means where it stands in a document of this URL, or in its Location (RFC 3986, section 5.2). The
  /// fragment is this one's if it has none. None if that is no such URL.
  [[nodiscard]] std::optional<absolute_url> resolve(std::string_view reference) const;

  [[nodiscard]] url_scheme scheme() const noexcept { return scheme_; }
  /// The host, an address without brackets; of `http_unix` the path of the socket.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// What it says, or the scheme's: 80 or 443. 0 of `http_unix`.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// "name:password", with its escapes; empty if there is none.
  [[nodiscard]] const std::string& user_info() const noexcept { return user_info_; }
  /// Path and query, as they stand in a request.
  [[nodiscard]] const std::string& target() const noexcept { return target_; }
  [[nodiscard]] std::string_view path() const noexcept { return std::string_view(target_).substr(0, path_size_); }
  /// Without its question mark.
  [[nodiscard]] std::string_view query() const noexcept;
  /// Without its number sign.
  [[nodiscard]] const std::string& fragment() const noexcept { return fragment_; }

  /// What Host says: the host, in brackets if it is an IPv6 address, and the port unless it is the scheme's.
  /// "localhost" of `http_unix`.
  [[nodiscard]] const std::string& authority() const noexcept { return authority_; }
  /// "https://example.org:8443": equal for URLs of one origin (RFC 6454, section 4).
  [[nodiscard]] std::string origin() const;
  /// All but the user's name and password.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool same_origin(const absolute_url& other) const noexcept {
    return scheme_ == other.scheme_ && port_ == other.port_ && host_ == other.host_;
  }

 private:
  absolute_url() = default;
  [[nodiscard]] bool parse_authority(std::string_view text);
  /// Path and query, and the fragment.
  [[nodiscard]] bool parse_rest(std::string_view text);

  url_scheme scheme_ = url_scheme::http;
  std::uint16_t port_ = 0;
  std::size_t path_size_ = 0;
  std::string host_;
  std::string authority_;
  std::string user_info_;
  std::string target_;
  std::string fragment_;
};

/// "http", "https", "http+unix".
[[nodiscard]] WRING_API std::string_view to_string(url_scheme s) noexcept;

}  // namespace wring::http
