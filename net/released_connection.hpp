// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/net/descriptor.hpp>
#include <wring/net/detail/released_state.hpp>

namespace wring::net {

/// A connection that is no stream's: what `release()` makes of a stream, and of which `adopt()` makes one again, on the
/// same scheduler or another one.
///
/// It has everything the stream had: the bytes that had been received and were not taken, the descriptors that a Unix
/// socket had received, the receive quota, and how reading or writing had ended. It belongs to no thread: it may be
/// moved to another one, through a `cross_channel` for instance. Destroyed, it closes the connection.
///
/// For other code than this library, `fd` and `unread` are what there is to hand over.
struct released_connection {
  /// None.
  released_connection() noexcept = default;
  /// One that other code has had: its descriptor, and what that code has read beyond what it used.
  explicit released_connection(descriptor owned, std::vector<std::byte> received = {}) noexcept
      : fd(std::move(owned)), unread(std::move(received)) {}

  descriptor fd;                  ///< whoever takes it over calls fd.release()
  std::vector<std::byte> unread;  ///< received and not taken
  detail::released_state rest;    ///< for adopt()
};
static_assert(std::is_nothrow_move_constructible_v<released_connection>);

}  // namespace wring::net
