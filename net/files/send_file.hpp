// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_sink.hpp>
#include <wring/net/files/file.hpp>

namespace wring::net {

/// Which part of a file is sent.
struct send_file_options {
  static constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t offset = 0;
  std::uint64_t count = to_the_end;  ///< bytes; by default as many as the file has after `offset` when it begins
};
static_assert(std::is_trivially_destructible_v<send_file_options>);

/// Sends a file, or a part of it, to a stream or another sink, and returns the number of bytes. The file's position
/// neither matters nor moves, so that one file can be sent to many at once. Blocks of 128 KiB are read while the ones
/// before them are written, so two are held.
///
///     co_await net::send_file(client, page);
///
/// Exactly so many bytes are sent as were announced, by `count` or the file's size at the beginning, even if the file
/// grows. If it has fewer, or becomes shorter meanwhile, throws io_error with errc::unexpected_eof and the file's path,
/// after the bytes that it had; the receiver must then not take them for all, so do not continue to write. Throws what
/// reading and writing throw. Cancelled, it may have torn the sink, as a write does.
[[nodiscard]] WRING_API task<std::uint64_t> send_file(byte_sink_ref to, file& from, send_file_options options = {});

}  // namespace wring::net
