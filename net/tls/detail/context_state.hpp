// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/net/tls/client_context.hpp>
#include <wring/net/tls/detail/openssl.hpp>
#include <wring/net/tls/detail/ticket_ring.hpp>
#include <wring/net/tls/server_context.hpp>
#include <wring/net/tls/ticket_keys.hpp>

namespace wring::net::tls::detail {

struct ocsp_response;

/// What clients' and servers' settings have become. Immutable, shared by threads.
class context_state {
 public:
  context_state(const context_state&) = delete;
  context_state& operator=(const context_state&) = delete;
  virtual ~context_state() = default;

  [[nodiscard]] SSL_CTX* context() const noexcept { return contexts_.front().get(); }
  /// Steps of the handshake take milliseconds, and are for another thread.
  [[nodiscard]] bool slow() const noexcept { return slow_; }
  /// Peers are verified by the system's roots, which are given to each connection, as they may have to be loaded first.
  [[nodiscard]] bool needs_system_store() const noexcept { return needs_system_store_; }
  [[nodiscard]] bool verifies() const noexcept { return verifies_; }
  /// A peer without a certificate is refused.
  [[nodiscard]] bool requires_peer() const noexcept { return requires_peer_; }
  [[nodiscard]] const std::vector<key_digest>& pins() const noexcept { return pins_; }

 protected:
  context_state() = default;

  /// A context with what all have.
  SSL_CTX* add_context(const SSL_METHOD* method, protocol_version lowest, protocol_version highest);
  void log_keys(SSL_CTX* context) const;

  std::vector<owned<SSL_CTX>> contexts_;
  std::vector<unsigned char> protocols_;  ///< as ALPN has them on the wire
  std::vector<key_digest> pins_;
  std::vector<std::shared_ptr<const ocsp_response>> ocsp_;  ///< that are presented
  std::function<void(std::string_view)> log_;
  bool slow_ = false;
  bool needs_system_store_ = false;
  bool verifies_ = false;
  bool requires_peer_ = false;
};

class client_state final : public context_state {
 public:
  explicit client_state(const client_settings& settings);

  /// For how many servers sessions are remembered.
  [[nodiscard]] std::size_t remembered() const noexcept { return remembered_; }

 private:
  std::size_t remembered_;
};

class server_state final : public context_state {
 public:
  /// `own_keys` are for tickets, where the settings have none.
  server_state(const server_settings& settings, const ticket_keys& own_keys);

  /// Called before each handshake, with the time of the scheduler's clock.
  void rotate_tickets(std::int64_t now) const { tickets_.ring()->rotate_if_due(now); }
  /// The context for the name that a client asks for; null if it is refused.
  [[nodiscard]] SSL_CTX* choose(std::string_view name) const noexcept;

 private:
  using named_context = std::pair<std::string, SSL_CTX*>;

  std::vector<named_context> names_;  // sorted
  ticket_keys tickets_;
  bool strict_names_;
};

/// Where the settings of a server are that are to be used now.
struct server_slot {
  std::mutex lock;
  std::shared_ptr<const server_state> state;
  const ticket_keys own_keys = ticket_keys::generate();
};

}  // namespace wring::net::tls::detail
