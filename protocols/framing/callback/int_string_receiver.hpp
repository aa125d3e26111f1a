// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/framing/callback/frame_receiver.hpp>
#include <wring/protocols/framing/int_string_format.hpp>

namespace wring::framing {

/// A protocol of strings behind their length: Twisted's IntNStringReceiver. Derive from one of the classes below.
class WRING_API int_string_receiver : public frame_receiver {
 public:
  ~int_string_receiver() override;

  /// A string; valid during the call.
  virtual void string_received(std::string_view text) = 0;
  /// The peer has announced a string that is longer than the limit. The default loses the connection.
  virtual void length_limit_exceeded(std::size_t length);

  /// Sends a string. Throws std::length_error if its length does not fit.
  void send_string(std::string_view text) { send_frame(text); }

 protected:
  /// Throws as int_string_format does.
  int_string_receiver(int_width width, std::size_t limit) : frame_receiver(strings_), strings_(width, limit) {}

 private:
  void frame_received(std::string_view payload) final { string_received(payload); }
  void frame_refused(const error& why, std::string_view unread) final;

  int_string_format strings_;
};

/// Strings of up to 255 bytes.
class int8_string_receiver : public int_string_receiver {
 public:
  explicit int8_string_receiver(std::size_t limit = int_string_format::default_limit)
      : int_string_receiver(int_width::int8, limit) {}
};

/// Strings of up to 65,535 bytes.
class int16_string_receiver : public int_string_receiver {
 public:
  explicit int16_string_receiver(std::size_t limit = int_string_format::default_limit)
      : int_string_receiver(int_width::int16, limit) {}
};

/// Strings whose length has 32 bits: the limit counts.
class int32_string_receiver : public int_string_receiver {
 public:
  explicit int32_string_receiver(std::size_t limit = int_string_format::default_limit)
      : int_string_receiver(int_width::int32, limit) {}
};

}  // namespace wring::framing
