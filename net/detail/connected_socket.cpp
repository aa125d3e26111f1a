// SPDX-License-Identifier: MIT
#include <utility>

#include <wring/net/detail/connected_socket.hpp>

namespace wring::net::detail {

connected_socket::connected_socket(descriptor owned, compact_address&& peer)
    : fd_(std::move(owned)), sched_(&scheduler::current()), peer_(std::move(peer)) {
  sched_->engine().register_descriptor(fd_.get());
}

error connected_socket::fault(int error_number, const char* operation_name) const noexcept {
  return error::from_errno(error_number, operation_name).with_address(peer());
}

error connected_socket::fault(errc code, const char* operation_name) const noexcept {
  return error(code, operation_name).with_address(peer());
}

}  // namespace wring::net::detail
