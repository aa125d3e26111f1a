// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>

namespace wring::http {

/// Keys by which a program knows again what it has given to a client, such as a cookie: signed, anybody can read it,
/// and nobody can make or change it (HMAC with SHA-256); sealed, nobody can read it either (AES-256 in GCM). A client
/// can keep what it got and send it later: that is what the lifetime is for.
///
///     const http::seal_keys keys({secret_of_this_month, secret_of_last_month});
///     http::set_cookie(rs, "cart", keys.seal("cart", items, 24h));
///     const std::optional<std::string> items = keys.open("cart", rq.cookie("cart").value_or(""));
///
/// The texts have only characters that a cookie's value and a URL's query may have as they are. The lifetimes are of
/// the wall clock. Make it once; its functions may be called on all schedulers.
class WRING_API seal_keys {
 public:
  /// Bytes that a secret has at least: of a random source, not of a person's mind.
  static constexpr std::size_t least_secret = 32;

  /// The first secret is what is signed and sealed with from now on; what the others have made is still accepted, so
  /// that they can be replaced one after the other. Throws std::invalid_argument if there is none, or one is too short.
  explicit seal_keys(std::initializer_list<std::string_view> secrets);
  explicit seal_keys(const std::vector<std::string>& secrets);
  seal_keys(const seal_keys&) = delete;
  seal_keys& operator=(const seal_keys&) = delete;
  /// Wipes the keys.
  ~seal_keys();

  /// `value`, with a signature behind it. `purpose` says what it is for: it is accepted for nothing else. Throws
  /// std::bad_alloc.
  [[nodiscard]] std::string sign(std::string_view purpose, std::string_view value, duration lifetime = forever) const;
  /// The value of what sign() has returned for this purpose; none for anything else, and when its time is over.
  [[nodiscard]] std::optional<std::string> verify(std::string_view purpose, std::string_view text) const;

  /// `value`, so that only open() reads it. The same value becomes another text each time, whose size tells its own.
  [[nodiscard]] std::string seal(std::string_view purpose, std::string_view value, duration lifetime = forever) const;
  /// The value of what seal() has returned for this purpose; none for anything else, and when its time is over.
  [[nodiscard]] std::optional<std::string> open(std::string_view purpose, std::string_view text) const;

 private:
  using key = std::array<unsigned char, 32>;
  struct pair {
    key signing;
    key sealing;
  };

  void add(std::string_view secret);

  std::vector<pair> pairs_;
};

}  // namespace wring::http
