// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <wring/core/detail/awaiting/as_result.hpp>
#include <wring/core/result.hpp>

namespace wring::net::tls::detail {

class handshakes;

/// The accept of a tls_listener: that of the listener inside, whose pending connection becomes a `To`.
template <class To, class Operation>
class [[nodiscard]] tls_accept {
 public:
  using value_type = To;

  /// `make()` returns the operation.
  template <class Make>
  tls_accept(const std::shared_ptr<handshakes>& all, Make make) : operation_(make()), all_(all) {}
  tls_accept(const tls_accept&) = delete;
  tls_accept& operator=(const tls_accept&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<tls_accept>(*this); }

  bool begin_await(wring::detail::flow& f) { return operation_.begin_await(f); }
  To take() { return To(operation_.take(), all_); }
  wring::result<To> take_result() {
    auto taken = operation_.take_result();
    if (!taken) return taken.error();
    return To(std::move(*taken), all_);
  }
  void put_back(To& value) noexcept
    requires requires(Operation& op, typename Operation::value_type& from) { op.put_back(from); }
  {
    operation_.put_back(value.inner_);
  }

 private:
  Operation operation_;
  std::shared_ptr<handshakes> all_;
};

}  // namespace wring::net::tls::detail
