// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tls/server_context.hpp>
#include <wring/net/tls/tls_stream.hpp>

namespace wring::net::tls::detail {

/// What a tls_listener and its pending connections share: the context, and the handshakes under way, from a whole
/// ClientHello on. Beyond the limit, of those that wait for their clients the one that began first is ended, as those
/// that stall are among the oldest; if all wait for this scheduler, the new one is.
class WRING_API handshakes {
 public:
  /// Throws std::invalid_argument for a limit of 0.
  handshakes(server_context context, std::size_t limit);
  handshakes(const handshakes&) = delete;
  handshakes& operator=(const handshakes&) = delete;
  ~handshakes();

  [[nodiscard]] const server_context& context() const noexcept { return context_; }
  /// Its place among the handshakes, while it exists.
  class WRING_API place {
   public:
    place(handshakes& all, tls_link& link);
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place();
    /// It was ended for others.
    [[nodiscard]] bool evicted() const noexcept { return evicted_; }

   private:
    friend class handshakes;
    handshakes& all_;
    tls_link& link_;
    std::list<place*>::iterator at_;
    bool evicted_ = false;
  };
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

 private:
  server_context context_;
  std::size_t limit_;
  std::list<place*> under_way_;  // in the order in which they have begun
};

/// The handshake of a connection of a listener.
[[nodiscard]] WRING_API task<tls_stream> establish(std::shared_ptr<handshakes> all, any_stream lower);

}  // namespace wring::net::tls::detail
