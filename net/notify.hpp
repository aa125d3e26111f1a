// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>

namespace wring::net {

/// What a service says of itself.
enum class service_state : std::uint8_t {
  ready,      ///< it has started, or has read its configuration anew: it serves
  reloading,  ///< it reads its configuration anew; `ready` follows
  stopping,   ///< it has begun to stop
  watchdog,   ///< it is alive: to be said again and again, see watchdog_interval()
};

/// Tells the supervisor, as systemd wants it of services with Type=notify: a message to the socket that the environment
/// variable NOTIFY_SOCKET names. `status`, a line of text, is shown by `systemctl status`. Does not wait. Returns false
/// if there is no supervisor that wants to know. Throws io_error if it cannot be told. Call it on a scheduler's thread.
WRING_API bool notify(service_state state, std::string_view status = {});

/// The same for the status alone.
WRING_API bool notify(std::string_view status);

/// How often the supervisor expects `service_state::watchdog`, and ends the process otherwise (WatchdogSec=); none if
/// it does not. Say it at least twice as often.
[[nodiscard]] WRING_API std::optional<duration> watchdog_interval();

}  // namespace wring::net
