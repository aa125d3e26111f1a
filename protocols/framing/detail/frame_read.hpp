// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include <wring/net/detail/read_buffer.hpp>
#include <wring/protocols/framing/frame_format.hpp>

namespace wring::framing::detail {

/// frame_codec::next.
class WRING_API frame_read final : public net::detail::buffered_read<frame_read, std::optional<std::string_view>> {
 public:
  frame_read(net::detail::read_buffer& b, frame_format& format) noexcept : buffered_read(b), format_(format) {
    format.restart();
  }
  bool look(net::detail::read_buffer& buffer, bool at_end) noexcept override;
  void give_back(net::detail::read_buffer& buffer, std::optional<std::string_view>& frame) noexcept {
    if (frame) untake(buffer);
  }

 private:
  frame_format& format_;
};

}  // namespace wring::framing::detail
