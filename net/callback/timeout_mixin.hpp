// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>

namespace wring::net {

/// For protocols that end a connection on which nothing happens: Twisted's TimeoutMixin. Derive from it besides
/// `protocol`.
///
///     class patient : public wring::framing::line_receiver, wring::net::timeout_mixin {
///       void connection_made() override { set_timeout(30s); }
///       void line_received(std::string_view line) override { reset_timeout(); ... }
///       void connection_lost(const wring::failure&) override { set_timeout({}); }
///       void timeout_connection() override { transport().abort_connection(); }
///     };
///
/// Destroyed, it times out no more. One thread, that of a scheduler.
class WRING_API timeout_mixin {
 public:
  timeout_mixin() noexcept = default;
  timeout_mixin(const timeout_mixin&) = delete;
  timeout_mixin& operator=(const timeout_mixin&) = delete;

 protected:
  virtual ~timeout_mixin();

  /// Calls timeout_connection() after `period`, from now; none: not at all. Returns the period that it replaces. Throws
  /// std::invalid_argument for a negative one.
  std::optional<duration> set_timeout(std::optional<duration> period);
  /// The period begins anew. Does nothing without one.
  void reset_timeout();
  /// The period has passed; there is none any more. Most protocols call `transport().lose_connection()`.
  virtual void timeout_connection() = 0;

 private:
  std::optional<duration> period_;
  delayed_call call_;
};

}  // namespace wring::net
