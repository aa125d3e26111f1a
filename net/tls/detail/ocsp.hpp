// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <wring/net/tls/detail/openssl.hpp>

namespace wring::net::tls::detail {

struct certificate_parts;

/// What a CA has said of a certificate (RFC 6960): that it was not revoked, for some days.
struct ocsp_response {
  std::vector<unsigned char> encoded;  ///< in DER
  std::chrono::sys_seconds until;      ///< not to be presented from then on

  /// Has the context present it to clients that ask (RFC 6066, section 8). It must exist as long as the context's
  /// connections do.
  void give_to(SSL_CTX* context) const;
};

/// Reads one for the certificate of `own`. Throws io_error (errc::tls_unusable) about `subject` if it cannot be read,
/// is about another certificate, is not signed by the CA in the chain of `own` (where there is one), says anything but
/// that the certificate is good, or is out of date.
[[nodiscard]] std::shared_ptr<const ocsp_response> read_ocsp_response(std::span<const std::byte> der,
                                                                      const certificate_parts& own,
                                                                      std::string_view subject);

/// Has the connections of a client's context ask for a response, and accept no server without a good one. What signs it
/// must lead to the context's roots, or to the system's.
void require_ocsp_response(SSL_CTX* context, bool by_system_roots);

}  // namespace wring::net::tls::detail
