// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <memory>
#include <vector>

#include <wring/net/tls/detail/openssl.hpp>
#include <wring/net/tls/detail/root_parts.hpp>
#include <wring/net/tls/detail/ticket_ring.hpp>

namespace wring::net::tls::detail {

/// What a session of a server is valid for: OpenSSL resumes none of another policy, whoever's keys its ticket has.
using policy_digest = std::array<unsigned char, 32>;

/// Of how clients are verified, by which roots and lists of revocations, and of the protocols. Throws std::bad_alloc.
[[nodiscard]] policy_digest digest_policy(int verify_mode, const root_parts& roots,
                                          const std::vector<unsigned char>& protocols);

/// Has a server's context offer tickets with these keys, and accept them; not those of clients that have no certificate
/// where one is required, or whose certificate has expired. The ring must outlive the context.
void offer_tickets(SSL_CTX* context, const std::shared_ptr<ticket_ring>& keys, bool requires_peer);

}  // namespace wring::net::tls::detail
