// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/reader.hpp>
#include <wring/protocols/framing/detail/frame_read.hpp>
#include <wring/protocols/framing/frame_format.hpp>
#include <wring/protocols/framing/int_string_format.hpp>
#include <wring/protocols/framing/line_format.hpp>
#include <wring/protocols/framing/netstring_format.hpp>

namespace wring::framing {

/// Frames over any stream:
///
///     wring::net::reader in(peer);
///     wring::framing::line_codec lines(in);
///     while (const auto line = co_await lines.next()) {
///       co_await lines.send(*line);
///     }
///
/// It reads through a reader, and takes no more from it than the frames: the reader, or another codec on it, reads what
/// comes behind them. Reader and format must outlive it. One thread.
class WRING_API frame_codec {
 public:
  /// With a format of your own; the library's have codecs of their own below.
  frame_codec(net::reader& in, frame_format& format) noexcept : in_(in), format_(format) {}

  /// The payload of the next frame, or none at the end of the stream. It is in the reader's memory: valid until the
  /// reader's next operation. Returning: cancelled or failed, it has taken nothing. Has `.result()`. Throws io_error:
  /// errc::limit_exceeded, with the limit, for a frame that is too long; EPROTO for bytes that are none; errc::
  /// unexpected_eof if the stream ends inside a frame, a line without its delimiter included; the stream's faults.
  [[nodiscard]] auto next() noexcept { return detail::frame_read(in_.buffer(), format_); }

  /// Sends `payload` as one frame; it must stay until this has ended. Calls from several tasks queue. Delivering, as
  /// `write_all` of the stream is, whose faults it throws. Throws what `frame_format::edges` throws for a payload that
  /// would not arrive as one frame; then nothing is sent.
  [[nodiscard]] task<> send(std::string_view payload);

  [[nodiscard]] net::reader& reader() const noexcept { return in_; }

 private:
  net::reader& in_;
  frame_format& format_;
};

namespace detail {

/// The format of a codec that has one, made before the codec refers to it.
template <class Format>
struct owned_format {
  Format format;
};

}  // namespace detail

/// Lines; see `line_options` for delimiter and limit.
class line_codec : detail::owned_format<line_format>, public frame_codec {
 public:
  /// Throws as line_format does.
  explicit line_codec(net::reader& in, line_options options = {})
      : owned_format{line_format(options)}, frame_codec(in, format) {}
  line_codec(const line_codec&) = delete;
  line_codec& operator=(const line_codec&) = delete;
};

/// Netstrings: "5:hello,".
class netstring_codec : detail::owned_format<netstring_format>, public frame_codec {
 public:
  /// Throws as netstring_format does.
  explicit netstring_codec(net::reader& in, std::size_t limit = netstring_format::default_limit)
      : owned_format{netstring_format(limit)}, frame_codec(in, format) {}
  netstring_codec(const netstring_codec&) = delete;
  netstring_codec& operator=(const netstring_codec&) = delete;
};

/// Strings behind their length, a number of 8, 16 or 32 bits.
class int_string_codec : detail::owned_format<int_string_format>, public frame_codec {
 public:
  /// Throws as int_string_format does.
  int_string_codec(net::reader& in, int_width width, std::size_t limit = int_string_format::default_limit)
      : owned_format{int_string_format(width, limit)}, frame_codec(in, format) {}
  int_string_codec(const int_string_codec&) = delete;
  int_string_codec& operator=(const int_string_codec&) = delete;
};

}  // namespace wring::framing
