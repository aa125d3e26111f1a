// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <wring/core/engine/engine.hpp>
#include <wring/core/engine/message_buffers.hpp>

/// The seam's operations as system calls that do not wait, whatever the mode of the descriptor: sockets are asked to by
/// flags, pipes by RWF_NOWAIT. Where there is no such thing, a socket is non-blocking for that moment, and the rest is
/// left to a thread once it is ready.
namespace wring::detail {

/// Instead of a result: it would have to wait.
inline constexpr std::int32_t must_wait = std::numeric_limits<std::int32_t>::min();
/// Instead of a result: it cannot be done without waiting, being a file's or that of a descriptor that only blocks.
inline constexpr std::int32_t must_block = must_wait + 1;

/// Carries out `op`; `begun`: it has been told to wait before. Of a multishot operation: one completion. Not for
/// operations that receive into buffers of a pool. Returns the result, -errno, or one of the above.
[[nodiscard]] std::int32_t attempt(const operation& op, bool begun) noexcept;

/// A connection of a listener that has not been told to wait; leaves its mode unchanged.
[[nodiscard]] std::int32_t attempt_accept(int fd) noexcept;

[[nodiscard]] std::int32_t attempt_receive(int fd, std::span<std::byte> into, int flags) noexcept;

/// Receives a message into a buffer of `buffers`, and returns how much of that is filled.
[[nodiscard]] std::int32_t attempt_receive_message(int fd, std::span<std::byte> into, const message_buffers& buffers,
                                                   int flags) noexcept;

/// The most that attempt_receive_messages receives.
inline constexpr std::size_t most_messages = 32;

/// The same of several, each into a buffer of its own; of datagrams alone, as the end of a stream would be a message
/// each time. Returns how many there were, `filled` says how much of their buffers is; or -errno, or must_wait.
[[nodiscard]] std::int32_t attempt_receive_messages(int fd, std::span<const std::span<std::byte>> into,
                                                    const message_buffers& buffers, int flags,
                                                    std::span<std::int32_t> filled) noexcept;

}  // namespace wring::detail
