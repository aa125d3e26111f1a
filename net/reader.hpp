// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/net/detail/reads.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

class reader;

/// The lines of a stream in sequence: see reader::lines.
class line_sequence {
 public:
  line_sequence(reader& in, std::size_t limit) noexcept : reader_(&in), limit_(limit) {}
  /// As reader::read_line.
  [[nodiscard]] auto next() const;

 private:
  reader* reader_;
  std::size_t limit_;
};

/// Reads lines, records and blocks of a known size from a stream that delivers bytes in pieces of any size. Bytes that
/// have been received but not requested are kept; while there are none, a waiting reader holds no memory.
///
///     wring::net::reader in(peer);
///     auto lines = in.lines();
///     while (const auto line = co_await lines.next()) { ... }
///
/// The spans and texts that operations return are in the reader's memory: they are valid until its next operation.
///
/// Every operation takes exactly what it returns. An operation that fails or is cancelled has taken nothing, so that it
/// may be repeated, or something else read instead; what a when_all or when_any has read and does not deliver is put
/// back into the buffer, unless another operation has begun meanwhile. All of them have `.result()`, throw io_error for
/// the stream's faults, and errc::busy while another task reads. A reader refers to its stream, which must outlive it;
/// one thread.
class WRING_API reader {
 public:
  static constexpr std::size_t default_line_limit = std::size_t{8} * 1024;
  static constexpr std::size_t default_block_limit = std::size_t{1024} * 1024;

  explicit reader(stream_ref s) noexcept : buffer_(s) {}

  /// The next `count` bytes. Throws errc::unexpected_eof, with the number of bytes received, if the stream ends before;
  /// errc::limit_exceeded for more than `limit`, since all of them are buffered: read larger blocks in parts, or into
  /// memory of your own.
  [[nodiscard]] auto read_exactly(std::size_t count, std::size_t limit = default_block_limit) noexcept {
    return detail::block_read(buffer_, count, limit, false);
  }
  /// Fills `into` with the next bytes. Throws as above; there is no limit.
  [[nodiscard]] auto read_exactly(std::span<std::byte> into) noexcept { return detail::exact_read(buffer_, into); }

  /// What comes before the next `delimiter`, which is taken and not returned. Throws errc::unexpected_eof, with the
  /// number of bytes received, if there is none; errc::limit_exceeded, with the limit, if it is not found within
  /// `limit` bytes. The delimiter must not be empty (std::invalid_argument) and must stay until this has ended.
  [[nodiscard]] auto read_until(std::string_view delimiter, std::size_t limit) {
    return detail::text_read(buffer_, delimiter, limit);
  }

  /// The next line, without its "\n" or "\r\n". What comes after the last of these, if anything, is a line too; then
  /// there is none. Throws errc::limit_exceeded, with the limit, if the line has more than `limit` bytes.
  [[nodiscard]] auto read_line(std::size_t limit = default_line_limit) noexcept {
    return detail::line_read(buffer_, limit);
  }
  /// The next line if it has already been received, in the buffer or ahead by the stream, without waiting. None if
  /// there is no whole one: an incomplete line, even the last before the end of the stream, is left. Also none where
  /// read_line would fail, for a line of more than `limit` bytes for instance: read_line then reports it.
  ///
  /// For a server that has been asked to stop, and answers what has arrived by then:
  ///
  ///     while (const auto line = in.try_read_line()) co_await answer(*line);
  [[nodiscard]] std::optional<std::string_view> try_read_line(std::size_t limit = default_line_limit) noexcept {
    return detail::try_read_line(buffer_, limit);
  }
  /// The lines up to the end of the stream.
  [[nodiscard]] line_sequence lines(std::size_t limit = default_line_limit) noexcept { return {*this, limit}; }

  /// At least the next `count` bytes, which are not taken: fewer only at the end of the stream. Throws
  /// errc::limit_exceeded for more than `limit`.
  [[nodiscard]] auto peek(std::size_t count, std::size_t limit = default_block_limit) noexcept {
    return detail::block_read(buffer_, count, limit, true);
  }
  /// Takes `count` of the bytes that were peeked at or are buffered.
  void consume(std::size_t count) noexcept { buffer_.consume(count); }

  /// As the stream's own read_some, but buffered bytes come first: for protocols that continue without lines or
  /// records.
  [[nodiscard]] auto read_some() noexcept { return detail::chunk_read(buffer_); }
  [[nodiscard]] auto read(std::span<std::byte> into) noexcept { return detail::partial_read(buffer_, into); }

  /// Bytes that have been received and not taken, as far as the reader has them: the stream may have more
  /// (`received_ahead`).
  [[nodiscard]] std::span<const std::byte> buffered() const noexcept { return buffer_.unread(); }
  /// Takes them: to hand the stream over to other code, which has to start with these. Empty if there are none.
  [[nodiscard]] buffer_lease take_buffered() noexcept { return buffer_.take(); }

  [[nodiscard]] stream_ref stream() const noexcept { return buffer_.stream; }

  /// For the library: operations of other kinds read from it.
  [[nodiscard]] detail::read_buffer& buffer() noexcept { return buffer_; }

 private:
  detail::read_buffer buffer_;
};

inline auto line_sequence::next() const { return reader_->read_line(limit_); }

}  // namespace wring::net
