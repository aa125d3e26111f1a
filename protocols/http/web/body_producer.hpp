// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/callback/producer.hpp>

namespace wring::web {

/// Makes the body of a request, for an `agent`: Twisted's `twisted.web.iweb.IBodyProducer`. It is a push producer of
/// what it writes to. It is paused while more than 64 KiB wait to be sent, and stopped if the request ends before the
/// body: it has failed, was cancelled, or has been answered. One thread.
class WRING_API body_producer : public net::producer {
 public:
  ~body_producer() override;

  /// How many bytes it will write; none: that is not known yet, and the body is sent in chunks. Fewer or more fail the
  /// request, with std::logic_error.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const { return std::nullopt; }
  /// Begins to write to `to`. What this returns fires when everything is written, or fails the request; it need not
  /// fire once stop_producing was called. Until then `to` exists. More than 16 MiB that wait throw std::length_error
  /// there.
  [[nodiscard]] virtual deferred<> start_producing(net::consumer& to) = 0;
};

}  // namespace wring::web
