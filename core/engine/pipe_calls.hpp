// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/export.hpp>

/// System calls on pipes, terminals and what else the standard streams may be. None of them waits. Numbers that they
/// return are values, or -errno.
namespace wring::detail {

/// How a descriptor is read and written without waiting. O_NONBLOCK belongs to the open file description, which other
/// processes may share, so it is set on those alone that were opened here.
enum class pipe_access : std::uint8_t {
  own,     ///< opened here, with O_NONBLOCK
  socket,  ///< somebody else's, asked not to wait by flags
  file,    ///< somebody else's with a position: a regular file or a block device, for operations of the engine
  shared,  ///< somebody else's, and cannot be opened again: poll, then an operation of the engine
};

/// A pipe, its end to be read and its end to be written: close-on-exec, with O_NONBLOCK. Returns 0 or -errno.
[[nodiscard]] WRING_API int open_pipe(std::array<int, 2>& made) noexcept;

struct opened_pipe {
  int fd = -1;  ///< close-on-exec, or -errno
  pipe_access access = pipe_access::shared;
};
/// A descriptor of its own for what `fd` refers to, which is not changed: opened again with O_NONBLOCK if it is a FIFO,
/// a terminal or another device, and a duplicate otherwise.
[[nodiscard]] WRING_API opened_pipe open_again(int fd, bool to_write) noexcept;

/// Reads what is there: the number of bytes, 0 at the end, or -EAGAIN. Not for `file` and `shared`.
[[nodiscard]] WRING_API std::int32_t read_at_once(int fd, pipe_access access, std::span<std::byte> into) noexcept;
/// Writes what there is room for, of `parts` without their first `skip` bytes, which the first of them has. The number
/// of bytes, or -EAGAIN. Not for `file` and `shared`.
[[nodiscard]] WRING_API std::int32_t write_at_once(int fd, pipe_access access,
                                                   std::span<const std::span<const std::byte>> parts,
                                                   std::size_t skip) noexcept;
/// The peer of a socket reads the end after what was sent. Of anything else, does nothing.
WRING_API void end_output(int fd, pipe_access access) noexcept;

}  // namespace wring::detail
