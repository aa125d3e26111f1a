// SPDX-License-Identifier: MIT
#pragma once

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// The connector for TCP to hosts by their names, and to addresses. Every other kind of connection is refused
/// (EPROTONOSUPPORT).
class WRING_API name_connector {
 public:
  /// `options` are those of each connection; a resolver in them must outlive the connector, and a report describes the
  /// latest connection.
  explicit name_connector(const name_connect_options& options = {}) noexcept : options_(options) {}

  /// See `connector`, and `connect_tcp` for the faults.
  [[nodiscard]] task<any_stream> connect(connect_target target) const;

 private:
  name_connect_options options_;
};

}  // namespace wring::net
