// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/awaiting/scoped.hpp>
#include <wring/core/duration.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/protocols/http/detail/connection.hpp>

namespace wring::http::detail {

/// Waits for the beginning of a connection's next request, and reads it into `connection::in`. Returns false if nothing
/// has come: the client has ended, a fault, out of time, or a stop. Returning.
///
/// One object instead of until_stopping around with_timeout around a read, as most connections wait here most of the
/// time, and all do once a request.
class [[nodiscard]] request_wait
    : public wring::detail::scoped<request_wait, net::detail::erased_operation<buffer_lease>> {
  using read = net::detail::erased_operation<buffer_lease>;

 public:
  using value_type = bool;

  request_wait(connection& c, duration limit) noexcept
      : scoped(read_), connection_(c), limit_(limit), read_(c.stream.read_some()) {}

  bool take() {
    if (this->absorbed()) return false;
    return this->finish([this](wring::detail::operand<read>& ended) {
      wring::result<buffer_lease> got = ended.take_result();
      if (got) connection_.in.refill(std::move(*got));
      return !connection_.in.empty();
    });
  }

 private:
  friend scoped<request_wait, read>;
  wring::detail::scope_node& scope() noexcept { return connection_.idle.scope(); }
  void entering(wring::detail::flow&) noexcept { connection_.idle.begin(limit_); }
  void left(wring::detail::flow&) noexcept { connection_.idle.end(); }
  bool absorbs(wring::detail::flow&) noexcept { return connection_.idle.scope().requested; }

  connection& connection_;
  duration limit_;
  read read_;
};

}  // namespace wring::http::detail
