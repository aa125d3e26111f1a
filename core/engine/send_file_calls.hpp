// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

/// Sending files by system calls that wait neither for the socket nor for the disk.
namespace wring::detail {

/// As engine::attempt_send_file; `must_wait` in place of -EAGAIN. Raises no SIGPIPE.
[[nodiscard]] std::int32_t attempt_send_file(int fd, int file, std::uint64_t offset, std::size_t count) noexcept;

/// As engine::is_cached. Where the kernel counts the pages that are in memory (Linux 6.5), it is asked for all of them.
/// Otherwise what is looked at is the first byte of each 128 KiB, and the last one: the system reads files ahead in
/// pieces of that size, and a look at every page would be a system call for each.
[[nodiscard]] bool is_cached_in_kernel(int file, std::uint64_t offset, std::size_t count) noexcept;

}  // namespace wring::detail
