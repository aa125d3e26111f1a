// SPDX-License-Identifier: MIT
#include <cerrno>

#include <wring/net/callback/connection_error.hpp>

namespace wring::net {

connection_done::connection_done() : connection_done("the connection has ended") {}
connection_done::connection_done(const char* message) : std::runtime_error(message) {}
connection_done::~connection_done() = default;

connection_lost_error::~connection_lost_error() = default;

connection_aborted::connection_aborted(const error_address& peer)
    : connection_lost_error(error::from_errno(ECONNABORTED, "stay connected to").with_address(peer)) {}
connection_aborted::~connection_aborted() = default;

write_buffer_overflow::write_buffer_overflow(const error_address& peer, std::size_t limit)
    : connection_lost_error(
          error(errc::limit_exceeded, "write to")
              .with_address(peer)
              .with_count(limit)
              .with_detail("the peer reads too slowly; transport_options::write_limit says how much may wait for it")) {
}
write_buffer_overflow::~write_buffer_overflow() = default;

}  // namespace wring::net
