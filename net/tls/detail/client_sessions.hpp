// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/scheduler_service.hpp>
#include <wring/net/tls/detail/openssl.hpp>
#include <wring/net/tls/detail/tls_engine.hpp>

namespace wring::net::tls::detail {

/// The sessions of a scheduler's clients, for their next connections: those of each context for itself, so that none is
/// resumed under another policy. Of the servers the one that was not heard of for longest is forgotten first.
class WRING_API client_sessions final : public wring::detail::scheduler_service {
 public:
  static constexpr char key = 0;

  explicit client_sessions(scheduler&) noexcept;
  ~client_sessions() override;

  /// A session with that server, the latest first; null if there is none. One of TLS 1.3 is used once, so it is taken
  /// out.
  [[nodiscard]] owned<SSL_SESSION> take(const client_state& context, std::string_view server);
  /// Keeps what the server has offered, which it owns from here on.
  void keep(const std::shared_ptr<const client_state>& context, std::string_view server,
            tls_engine::sessions offered) noexcept;
  /// A session that the server does not get on with.
  void forget(const client_state& context, std::string_view server) noexcept;

 private:
  struct known_server {
    std::string name;
    std::array<owned<SSL_SESSION>, 2> sessions;  // the latest first
  };
  struct known_servers {
    std::weak_ptr<const client_state> context;
    std::list<known_server> servers;  // the latest first
    std::unordered_map<std::string_view, std::list<known_server>::iterator> by_name;
  };

  [[nodiscard]] bool deliver(std::size_t) noexcept override { return false; }
  [[nodiscard]] bool drop() noexcept override { return false; }
  void close() noexcept override {}

  void insert(const std::shared_ptr<const client_state>& context, std::string_view server, owned<SSL_SESSION> session);

  std::unordered_map<const client_state*, known_servers> contexts_;
};

}  // namespace wring::net::tls::detail
