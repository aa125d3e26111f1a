// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/files/file.hpp>

namespace wring::net {

/// Which part of a file is sent, and how.
struct send_file_options {
  static constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t offset = 0;
  std::uint64_t count = to_the_end;  ///< bytes; by default as many as the file has after `offset` when it begins
  /// What is sent is what was read, and no later change of the file reaches it. Costs about a copy of each byte.
  bool copied = false;
};
static_assert(std::is_trivially_destructible_v<send_file_options>);

/// Sends a file, or a part of it, to a stream or another sink, and returns the number of bytes. The file's position
/// neither matters nor moves, so that one file can be sent to many at once.
///
///     co_await net::send_file(client, page);
///
/// To a `tcp_stream` or `unix_stream` the kernel sends those bytes that it has in memory by itself: sendfile(2). What
/// has to come from the disk, and everything to other sinks and to connections that were adopted from other code, is
/// read in blocks of 128 KiB while the ones before them are written, so two are held.
///
/// Exactly so many bytes are sent as were announced, by `count` or the file's size at the beginning, even if the file
/// grows. If it has fewer, or becomes shorter meanwhile, throws io_error with errc::unexpected_eof and the file's path,
/// after the bytes that it had; the receiver must then not take them for all, so do not continue to write: abort.
///
/// The kernel sends the file's own memory, also after this has ended, as long as the peer has not acknowledged it.
/// Bytes that somebody overwrites then may arrive new, and up to a page or, on some file systems, some more behind the
/// end of a file that is cut as zeros. Files that are replaced by renaming, as `temporary_file` does, are never changed
/// so; for others there is `send_file_options::copied`.
///
/// Throws what reading and writing throw. Cancelled, it may have torn the sink, as a write does.
[[nodiscard]] WRING_API task<std::uint64_t> send_file(byte_sink_ref to, file& from, send_file_options options = {});

/// Sends `before`, and behind it the file, as far as that can be done without waiting, at most 1 MiB, and returns the
/// number of bytes of both. Fewer, or zero, where the sink has no room, is no socket or is being written to, and where
/// the file's bytes are not in memory or must be copied: then write_all and send_file wait, or say what is wrong. Fails
/// with errc::unexpected_eof if the file was cut meanwhile: what has been sent may be something else than its bytes,
/// and the sink is to be aborted.
[[nodiscard]] WRING_API result<std::uint64_t> try_send_file(byte_sink_ref to, file& from, send_file_options options,
                                                            std::span<const std::byte> before = {}) noexcept;

}  // namespace wring::net
