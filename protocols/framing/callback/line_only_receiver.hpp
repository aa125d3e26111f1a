// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/framing/callback/frame_receiver.hpp>
#include <wring/protocols/framing/line_format.hpp>

namespace wring::framing {

/// A protocol of lines alone: as `line_receiver`, without raw mode. Twisted's LineOnlyReceiver.
class WRING_API line_only_receiver : public frame_receiver {
 public:
  /// Throws as line_format does.
  explicit line_only_receiver(line_options options = {}) : frame_receiver(lines_), lines_(options) {}
  ~line_only_receiver() override;

  /// A line, without its delimiter; valid during the call.
  virtual void line_received(std::string_view line) = 0;
  /// As line_receiver's.
  virtual void line_length_exceeded(std::string_view line);
  /// As line_receiver's.
  void send_line(std::string_view line);

 protected:
  [[nodiscard]] bool receives_while_disconnecting() const noexcept override { return false; }

 private:
  void frame_received(std::string_view payload) final { line_received(payload); }
  void frame_refused(const error& why, std::string_view unread) final;

  line_format lines_;
};

}  // namespace wring::framing
