// SPDX-License-Identifier: MIT
#include <wring/protocols/framing/callback/line_only_receiver.hpp>
#include <wring/protocols/framing/callback/line_receiver.hpp>

namespace wring::framing {

line_receiver::~line_receiver() = default;

void line_receiver::line_length_exceeded(std::string_view line) {
  static_cast<void>(line);
  transport().lose_connection();
}

void line_receiver::send_line(std::string_view line) { transport().write_sequence({line, lines_.delimiter()}); }

void line_receiver::set_line_mode(std::span<const std::byte> extra) {
  set_raw(false);
  if (!extra.empty()) data_received(extra);
}

void line_receiver::frame_refused(const error& why, std::string_view unread) {
  static_cast<void>(why);
  line_length_exceeded(unread);
  if (!transport().disconnecting() && !transport().disconnected()) forget_refusal();
}

line_only_receiver::~line_only_receiver() = default;

void line_only_receiver::line_length_exceeded(std::string_view line) {
  static_cast<void>(line);
  transport().lose_connection();
}

void line_only_receiver::send_line(std::string_view line) { transport().write_sequence({line, lines_.delimiter()}); }

void line_only_receiver::frame_refused(const error& why, std::string_view unread) {
  static_cast<void>(why);
  line_length_exceeded(unread);
  if (!transport().disconnecting() && !transport().disconnected()) forget_refusal();
}

}  // namespace wring::framing
