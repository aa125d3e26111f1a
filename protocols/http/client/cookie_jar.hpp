// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/absolute_url.hpp>

namespace wring::http {

/// What servers have asked a client to send with later requests (RFC 6265, as browsers apply it: RFC 6265bis). Bounded:
/// 4 KiB for a name and its value, 1 KiB for an attribute, 50 cookies a domain, 3,000 in all, 8 KiB of cookies in a
/// request, 400 days. Beyond these the cookie that was used longest ago goes, or the new one is ignored.
///
/// A cookie may not be set for a domain that many share, such as "co.uk": by the Public Suffix List where the library
/// was built with libpsl; otherwise only "uk" counts as one. Nothing is saved unless the program does so, with
/// `cookies`. One thread.
class WRING_API cookie_jar {
 public:
  struct cookie {
    std::string name;
    std::string value;
    std::string domain;        ///< in lower case, without a leading dot
    std::string path;          ///< begins with a slash
    std::int64_t expires = 0;  ///< seconds since 1970, UTC; 0: when the program ends
    bool host_only = true;     ///< not for sub-domains
    bool secure = false;       ///< for https alone
    bool http_only = false;    ///< kept for who shows cookies to scripts
    std::uint64_t made = 0;    ///< the order in which they were made
    std::uint64_t used = 0;    ///< the order in which they were used
  };

  /// Takes the value of a Set-Cookie of an answer from `from`, at the time `now`, in seconds since 1970. False: it is
  /// ignored, as malformed, foreign, insecure or too long. One that has expired removes what it names.
  bool set(const absolute_url& from, std::string_view set_cookie, std::int64_t now);
  /// What Cookie is to say in a request to `to`; empty: nothing.
  [[nodiscard]] std::string header_for(const absolute_url& to, std::int64_t now);
  /// All of them, to be saved.
  [[nodiscard]] const std::vector<cookie>& cookies() const noexcept { return cookies_; }
  /// Puts back what was saved. Beyond the limits it is dropped.
  void add(cookie c);
  void clear() noexcept { cookies_.clear(); }

 private:
  void drop_expired(std::int64_t now);
  void make_room(std::string_view domain);

  std::vector<cookie> cookies_;
  std::uint64_t clock_ = 0;
};

}  // namespace wring::http
