// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/net/callback/protocol.hpp>
#include <wring/protocols/framing/frame_format.hpp>

namespace wring::framing {

/// What the callback classes of all framings have in common: takes frames out of what arrives, and passes them to
/// `frame_received`. Derive from it, or from `line_receiver`, `netstring_receiver` and so on; directly, for a
/// `frame_format` of your own.
///
/// What arrives behind the frame for which the protocol has called `transport::upgrade` was not secured, and anybody
/// may have put it there: it throws io_error with EPROTO, which loses the connection.
///
/// Bytes are kept only while a frame is incomplete, or while receiving is paused: at most the format's limit and what
/// arrived last.
class WRING_API frame_receiver : public net::protocol {
 public:
  /// Passes every frame that is complete. From within a callback it only adds to what is to come.
  void data_received(std::span<const std::byte> data) override;

  /// Stops passing frames, and holds back the peer; what has arrived is kept.
  void pause_producing();
  /// Goes on, with what was kept.
  void resume_producing();
  [[nodiscard]] bool paused() const noexcept { return paused_; }

  /// Why the peer's bytes were refused, if they were.
  [[nodiscard]] const std::optional<error>& refusal() const noexcept { return refusal_; }

 protected:
  /// The format must outlive the receiver: it is a member of the derived class.
  explicit frame_receiver(frame_format& format) noexcept : format_(format) {}
  ~frame_receiver() override;

  /// The payload of a frame, valid during the call.
  virtual void frame_received(std::string_view payload) = 0;
  /// The bytes are no frame, or one that is too long (errc::limit_exceeded). `unread` is all that was received and not
  /// passed on; it is dropped after this, and so is everything that follows. The default loses the connection.
  virtual void frame_refused(const error& why, std::string_view unread);
  /// What arrives in raw mode.
  virtual void raw_received(std::span<const std::byte> data) { static_cast<void>(data); }
  /// Whether frames that have arrived are still passed on after lose_connection().
  [[nodiscard]] virtual bool receives_while_disconnecting() const noexcept { return true; }

  /// Sends `payload` as one frame. Throws as `frame_format::edges` does.
  void send_frame(std::string_view payload);

  /// After a refusal: what comes next is looked at again, as the beginning of a frame.
  void forget_refusal() noexcept { refusal_.reset(); }
  /// From now on bytes are passed to raw_received as they are, or in frames again.
  void set_raw(bool on) noexcept;
  /// Takes what was received and not passed on, with what is incomplete.
  [[nodiscard]] std::string take_unread();

 private:
  class pass;

  void receive();
  void pass_next(std::string_view unread, bool& more);
  [[nodiscard]] std::string_view unread() const noexcept;
  void consume(std::size_t count) noexcept;
  void keep();
  void refuse_if_unsecured();

  frame_format& format_;
  std::string kept_;  // of earlier calls; its first taken_ bytes have been passed on
  std::size_t taken_ = 0;
  std::span<const std::byte> fresh_;  // of this call, if nothing is kept
  std::string late_;                  // received from within a callback
  std::optional<error> refusal_;
  const net::stream_security* kept_under_ = nullptr;  // how the connection was secured when it was kept
  bool busy_ = false;
  bool paused_ = false;
  bool raw_ = false;
};

}  // namespace wring::framing
