// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/framing/callback/frame_receiver.hpp>
#include <wring/protocols/framing/line_format.hpp>

namespace wring::framing {

/// A protocol of lines, which may change to raw bytes and back: Twisted's LineReceiver.
///
///     class echo : public wring::framing::line_receiver {
///       void line_received(std::string_view line) override { send_line(line); }
///     };
///
/// After lose_connection() no more lines are received, also if they have arrived.
class WRING_API line_receiver : public frame_receiver {
 public:
  /// Throws as line_format does.
  explicit line_receiver(line_options options = {}) : frame_receiver(lines_), lines_(options) {}
  ~line_receiver() override;

  /// A line, without its delimiter; valid during the call.
  virtual void line_received(std::string_view line) = 0;
  /// Bytes, in raw mode.
  virtual void raw_data_received(std::span<const std::byte> data) { static_cast<void>(data); }
  /// A line is longer than the limit. `line` is all that has been received of it, and maybe what came after it; it is
  /// dropped after this. The default loses the connection; if that is kept, lines go on with what arrives next.
  virtual void line_length_exceeded(std::string_view line);

  /// Sends `line` and the delimiter. A line that holds the delimiter arrives as several, as in Twisted.
  void send_line(std::string_view line);

  /// From now on, also for the rest of what has just arrived, raw_data_received is called.
  void set_raw_mode() noexcept { set_raw(true); }
  /// Back to lines. `extra` is received as if it came now: what a raw_data_received did not use of its data.
  void set_line_mode(std::span<const std::byte> extra = {});
  /// Takes what has been received and not been passed on: an incomplete line, or everything while it is paused.
  [[nodiscard]] std::string clear_line_buffer() { return take_unread(); }

 protected:
  [[nodiscard]] bool receives_while_disconnecting() const noexcept override { return false; }

 private:
  void frame_received(std::string_view payload) final { line_received(payload); }
  void frame_refused(const error& why, std::string_view unread) final;
  void raw_received(std::span<const std::byte> data) final { raw_data_received(data); }

  line_format lines_;
};

}  // namespace wring::framing
