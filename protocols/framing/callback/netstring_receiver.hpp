// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/framing/callback/frame_receiver.hpp>
#include <wring/protocols/framing/netstring_format.hpp>

namespace wring::framing {

/// A protocol of netstrings: Twisted's NetstringReceiver. Anything that is no netstring within the limit loses the
/// connection; `refusal()` says why, and broken_peer() that it was so.
class WRING_API netstring_receiver : public frame_receiver {
 public:
  /// Throws as netstring_format does.
  explicit netstring_receiver(std::size_t limit = netstring_format::default_limit)
      : frame_receiver(strings_), strings_(limit) {}
  ~netstring_receiver() override;

  /// A string; valid during the call.
  virtual void string_received(std::string_view text) = 0;

  /// Sends a string.
  void send_string(std::string_view text) { send_frame(text); }
  [[nodiscard]] bool broken_peer() const noexcept { return refusal().has_value(); }

 private:
  void frame_received(std::string_view payload) final { string_received(payload); }

  netstring_format strings_;
};

}  // namespace wring::framing
