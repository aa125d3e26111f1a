// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
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
#include <wring/net/tls/ticket_keys.hpp>
#include <wring/net/tls/trusted_roots.hpp>

namespace wring::net::tls {

namespace detail {
class server_state;
struct server_slot;
}  // namespace detail

/// Whether a server asks its clients for a certificate (mutual TLS).
enum class client_certificates : std::uint8_t {
  none,       ///< it does not ask
  requested,  ///< it asks; a client without one is served, one whose certificate is not accepted is refused
  required,   ///< a client without an accepted one is refused
};

/// How a server speaks TLS.
class WRING_API server_settings {
 public:
  /// With this certificate. It is presented where no other one fits the name that a client asks for.
  explicit server_settings(certificate own) { certificates_.push_back(std::move(own)); }

  /// Presents another certificate to clients that ask for one of its names (SNI, RFC 6066).
  server_settings& add(certificate own) { return certificates_.push_back(std::move(own)), *this; }
  /// Refuses clients that ask for a name that no certificate is for.
  server_settings& strict_names() { return strict_names_ = true, *this; }
  /// Asks clients for a certificate, whose chain must lead to one of `roots`. Their names are not checked: that is for
  /// the handler, see `stream_security::peer_subject`.
  server_settings& verify_clients(client_certificates policy, trusted_roots roots) {
    return clients_ = policy, roots_ = std::move(roots), *this;
  }
  /// The protocols that are accepted by ALPN (RFC 7301), the preferred one first. A client that offers none of them is
  /// refused; one that offers nothing is served.
  server_settings& protocols(std::vector<std::string> names) { return protocols_ = std::move(names), *this; }
  /// The keys of the tickets with which clients resume sessions. Where this is not called, a context has keys of its
  /// own, which `replace` does not change. Contexts that share keys accept each other's tickets if they verify clients
  /// in the same way, by the same roots.
  server_settings& tickets(ticket_keys keys) { return tickets_ = std::move(keys), *this; }
  /// No client may resume a session.
  server_settings& no_tickets() { return offers_tickets_ = false, *this; }
  server_settings& versions(protocol_version lowest, protocol_version highest) {
    return lowest_ = lowest, highest_ = highest, *this;
  }
  /// See `client_settings::log_keys`.
  server_settings& log_keys(std::function<void(std::string_view line)> line) { return log_ = std::move(line), *this; }

 private:
  friend class detail::server_state;

  std::vector<certificate> certificates_;
  trusted_roots roots_;
  std::vector<std::string> protocols_;
  std::function<void(std::string_view)> log_;
  client_certificates clients_ = client_certificates::none;
  protocol_version lowest_ = protocol_version::tls_1_2;
  protocol_version highest_ = protocol_version::tls_1_3;
  std::optional<ticket_keys> tickets_;
  bool strict_names_ = false;
  bool offers_tickets_ = true;
};

/// What a server's connections have in common: `tls::accept`, `tls_listener` and `listen_tls` take one. TLS 1.2 and 1.3
/// with forward secrecy alone; no compression, no renegotiation, no early data. Clients may resume sessions, by
/// tickets: nothing is kept here. A handle: copies refer to the same, and may be used by all threads.
class WRING_API server_context {
 public:
  /// Throws as `client_context` does; also std::invalid_argument where clients are to be verified and there are no
  /// roots.
  explicit server_context(const server_settings& settings);

  /// Replaces the settings for connections that are accepted from now on, of all copies of this: a renewed certificate,
  /// for instance. Others keep what they have. If it throws, as the constructor does, nothing has changed. It takes
  /// a fraction of a millisecond for each certificate. Any thread.
  void replace(const server_settings& settings);

  /// For the library: the settings of now.
  [[nodiscard]] std::shared_ptr<const detail::server_state> state() const;

 private:
  std::shared_ptr<detail::server_slot> slot_;
};

}  // namespace wring::net::tls
