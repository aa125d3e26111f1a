// SPDX-License-Identifier: MIT
#include <span>

#include <wring/protocols/framing/callback/int_string_receiver.hpp>

namespace wring::framing {

int_string_receiver::~int_string_receiver() = default;

void int_string_receiver::length_limit_exceeded(std::size_t length) {
  static_cast<void>(length);
  transport().lose_connection();
}

void int_string_receiver::frame_refused(const error& why, std::string_view unread) {
  static_cast<void>(why);
  length_limit_exceeded(strings_.announced(std::as_bytes(std::span(unread))));
}

}  // namespace wring::framing
