// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/protocol_version.hpp>
#include <wring/net/tls/trusted_roots.hpp>

namespace wring::net::tls {

namespace detail {
class client_state;
}

/// Says that a server may be anyone: without the name of this type nobody turns verification off.
struct insecure_no_verification {};

/// How a client speaks TLS. As it is made, servers are verified against the system's roots.
class WRING_API client_settings {
 public:
  client_settings() : roots_(trusted_roots::system()) {}

  /// What servers' chains must lead to, in place of the system's roots.
  client_settings& trust(trusted_roots roots) { return roots_ = std::move(roots), *this; }
  /// Proves this client's identity where a server asks for it (mutual TLS).
  client_settings& present(certificate own) { return own_ = std::move(own), *this; }
  /// The protocols that are offered by ALPN (RFC 7301), the preferred one first: "h2", "http/1.1".
  client_settings& protocols(std::vector<std::string> names) { return protocols_ = std::move(names), *this; }
  /// The server's key, or that of a CA in its verified chain, must be one of those that are pinned; this adds one.
  /// Without verification it must be the server's own.
  client_settings& pin(const key_digest& digest) { return pins_.push_back(digest), *this; }
  /// Servers must prove that their certificate was not revoked: by a recent OCSP response of its CA, which they present
  /// in the handshake (RFC 6066, section 8). For servers that are known to do so. Where a session goes on, it is what
  /// the server has proven when that began.
  client_settings& require_ocsp() { return requires_ocsp_ = true, *this; }
  /// For how many servers a scheduler remembers sessions (default 1,000, two for each; zero: none), which make the next
  /// connection to the same host and port cheaper. Those of other contexts are never used, nor those of a server whose
  /// certificate has expired since.
  client_settings& remember(std::size_t servers) { return remembered_ = servers, *this; }
  client_settings& versions(protocol_version lowest, protocol_version highest) {
    return lowest_ = lowest, highest_ = highest, *this;
  }
  /// Neither name nor chain of a server is verified: an attacker on the way can read and change everything, unless the
  /// server's key is pinned.
  client_settings& verify_nothing(insecure_no_verification) { return verifies_ = false, *this; }
  /// Passes the connections' secrets to `line`, in the format of SSLKEYLOGFILE: who has them can decrypt the traffic.
  /// It is called on any thread, and must not throw.
  client_settings& log_keys(std::function<void(std::string_view line)> line) { return log_ = std::move(line), *this; }

 private:
  friend class detail::client_state;

  trusted_roots roots_;
  std::optional<certificate> own_;
  std::vector<std::string> protocols_;
  std::vector<key_digest> pins_;
  std::function<void(std::string_view)> log_;
  std::size_t remembered_ = 1000;
  protocol_version lowest_ = protocol_version::tls_1_2;
  protocol_version highest_ = protocol_version::tls_1_3;
  bool verifies_ = true;
  bool requires_ocsp_ = false;
};

/// What a client's connections have in common: `tls::connect`, `connect_tls` and `tls::connector` take one. TLS 1.2 and
/// 1.3 with forward secrecy alone; no compression, no renegotiation, no early data. A handle: copies refer to the same,
/// which never changes, and may be used by all threads.
class WRING_API client_context {
 public:
  /// Throws std::invalid_argument for a setting that makes no sense: no protocol version, the name of a protocol that
  /// is empty or longer than 255 bytes, `require_ocsp` without verification; io_error (errc::tls_unusable) for a
  /// certificate that OpenSSL refuses.
  explicit client_context(const client_settings& settings = {});

  /// For the library.
  [[nodiscard]] const std::shared_ptr<const detail::client_state>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<const detail::client_state> state_;
};

}  // namespace wring::net::tls
