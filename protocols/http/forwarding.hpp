// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace wring::http {

/// In which field proxies say for whom they forward a request. A proxy that sets one of them passes the others on as
/// the client has sent them, so no more than one can be believed.
enum class forwarding : std::uint8_t {
  forwarded,        ///< Forwarded (RFC 7239): "for=192.0.2.1;proto=https"
  x_forwarded_for,  ///< X-Forwarded-For: "192.0.2.1", and X-Forwarded-Proto: "https"
};

}  // namespace wring::http
