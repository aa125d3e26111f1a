// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/ip_network.hpp>
#include <wring/net/proxy_protocol.hpp>
#include <wring/net/stream.hpp>

namespace wring::net::detail {

/// What a proxy_listener and its pending connections share.
class WRING_API proxy_rules {
 public:
  proxy_rules(std::vector<ip_network> trusted, duration header_timeout, std::size_t largest_header)
      : trusted_(std::move(trusted)), header_timeout_(header_timeout), largest_header_(largest_header) {}

  [[nodiscard]] duration header_timeout() const noexcept { return header_timeout_; }
  [[nodiscard]] proxy_parser parser() const noexcept { return proxy_parser(largest_header_); }
  /// Throws io_error unless `proxy` may say for whom it connects.
  void require_trust(const socket_address& proxy);
  /// Logs, though not all of many, that a connection is dropped.
  void dropped(const error_address& proxy, const error& reason) noexcept;

 private:
  std::vector<ip_network> trusted_;
  duration header_timeout_;
  std::size_t largest_header_;
  std::int64_t quiet_until_ = 0;  // the clock's time
  std::uint64_t not_told_ = 0;
};

/// Reads the header. Returns what came with it and is not its; `exactly`: nothing does, as no more is read.
[[nodiscard]] WRING_API task<buffer_lease> read_proxy_header(stream_ref from, proxy_parser& parser, bool exactly);

/// The accept of a proxy_listener: that of the listener inside, whose pending connection becomes a `To`.
template <class To, class Operation>
class [[nodiscard]] proxied_accept {
 public:
  using value_type = To;

  /// `make()` returns the operation.
  template <class Make>
  proxied_accept(const std::shared_ptr<proxy_rules>& rules, Make make) : operation_(make()), rules_(rules) {}
  proxied_accept(const proxied_accept&) = delete;
  proxied_accept& operator=(const proxied_accept&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<proxied_accept>(*this); }

  bool begin_await(wring::detail::flow& f) { return operation_.begin_await(f); }
  To take() { return To(operation_.take(), rules_); }
  wring::result<To> take_result() {
    auto taken = operation_.take_result();
    if (!taken) return taken.error();
    return To(std::move(*taken), rules_);
  }
  void put_back(To& value) noexcept
    requires requires(Operation& op, typename Operation::value_type& from) { op.put_back(from); }
  {
    operation_.put_back(value.inner_);
  }

 private:
  Operation operation_;
  std::shared_ptr<proxy_rules> rules_;
};

}  // namespace wring::net::detail
