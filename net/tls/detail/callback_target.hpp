// SPDX-License-Identifier: MIT
#pragma once

struct ssl_session_st;

namespace wring::net::tls::detail {

/// Whom OpenSSL's callbacks tell about a connection: the application data of its SSL.
class callback_target {
 public:
  /// How far the peer's chain was looked at.
  virtual void looked_at(int depth) noexcept = 0;
  /// The server offers this session for later, which is the target's from here on.
  virtual void offered(ssl_session_st& session) noexcept = 0;
  /// The server has not proven that its certificate was not revoked: why, in words, a literal.
  virtual void status_refused(const char* why) noexcept = 0;

 protected:
  ~callback_target() = default;
};

}  // namespace wring::net::tls::detail
