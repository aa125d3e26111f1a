// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/callback/call_later.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/result.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/sync/mutex.hpp>
#include <wring/core/task.hpp>
#include <wring/net/outbox.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/stream_observer.hpp>
#include <wring/protocols/http/detail/connection.hpp>
#include <wring/protocols/websocket/close_code.hpp>
#include <wring/protocols/websocket/detail/deflate.hpp>
#include <wring/protocols/websocket/detail/message_reader.hpp>
#include <wring/protocols/websocket/message.hpp>
#include <wring/protocols/websocket/options.hpp>
#include <wring/protocols/websocket/prepared.hpp>

namespace wring::ws::detail {

class socket_core;

/// Is told of the peer's pongs, also while nobody receives. It must not use the socket from there.
class pong_observer {
 public:
  virtual void pong_received(std::span<const std::byte> payload) noexcept = 0;

 protected:
  ~pong_observer() = default;
};

/// What a socket tells that it ends, see topic.
class membership_owner {
 public:
  virtual void leaves(socket_core& s) noexcept = 0;

 protected:
  ~membership_owner() = default;
};

/// What a socket refers to, which must not move. It answers control frames, also while nobody receives.
class WRING_API socket_core final : net::stream_observer, http::detail::connection::successor {
 public:
  /// `ahead`: what has been read of the stream behind the handshake. `compression`: what was agreed on. `posts`: where
  /// posting needs a task.
  socket_core(side own, net::any_stream s, buffer_lease ahead, const options& o, std::string_view protocol,
              const std::optional<deflate_terms>& compression, nursery* posts);
  socket_core(const socket_core&) = delete;
  socket_core& operator=(const socket_core&) = delete;
  /// Tells the peer why, if it still can: with 1000; 1001 if the program is to stop, 1011 if an exception passes by.
  ~socket_core();

  [[nodiscard]] task<std::optional<message>> receive();
  [[nodiscard]] task<std::optional<message_part>> receive_part();
  /// A whole message.
  [[nodiscard]] task<> send(message_kind kind, std::span<const std::byte> bytes);
  [[nodiscard]] task<> send(prepared p);
  /// A fragment of a message, whose sender holds `sending`, and calls fragments_sent() behind the last.
  [[nodiscard]] task<> send_fragment(opcode o, std::span<const std::byte> bytes, bool last);
  void fragments_sent() noexcept { post_waiting(); }
  /// A message that was begun is not ended: nothing can follow, but for the close that has.
  void leave_unfinished() noexcept;
  bool post(const prepared& p);
  /// Whether posting takes a task, and which nursery is to run it.
  [[nodiscard]] bool needs_posting_task() noexcept;
  void post_by(nursery& posts) noexcept { posts_ = &posts; }
  /// Sends a close, or a ping, with the next that is written, and at once if that takes no waiting.
  void begin_close(std::uint16_t code) noexcept;
  void ping(std::string_view payload);
  [[nodiscard]] task<> close(std::uint16_t code, std::string_view reason);

  mutex sending;  ///< held while a message is sent in fragments
  std::optional<close_reason> closed_by_peer;
  const std::string protocol;
  const error_address peer;
  std::uint64_t dropped = 0;       ///< posts
  pong_observer* pongs = nullptr;  ///< not null: is told of them

  /// A topic that this is a member of, and where in it.
  struct membership {
    membership_owner* of;
    std::size_t at;
  };
  std::vector<membership> topics;

 private:
  class receiving;
  class writing;
  struct unfinished;
  class fragmenting;

  // Of receiving.
  [[nodiscard]] bool read_at_once() noexcept;
  [[nodiscard]] bool take_read(result<buffer_lease>& got) noexcept;
  [[nodiscard]] bool stops_while_reading() const noexcept { return own_ == side::server && !closing_; }
  void go_away() noexcept;
  [[nodiscard]] task<bool> read_more();
  [[nodiscard]] std::optional<message_part> next_part();
  [[nodiscard]] std::optional<message_part> next_inflated();
  void append(std::span<const std::byte> bytes);
  /// What has come is not what may come: the peer is told so.
  void refuse(std::uint16_t code, const char* text) noexcept;
  void handle_control(const message_reader::step& s) noexcept;
  [[nodiscard]] bool ping_follows() const noexcept;
  void handle_controls(bool keep) noexcept;
  [[nodiscard]] bool over() const noexcept { return close_received_ || refused_ || stream_ended_; }
  /// Nothing more comes: ends the receiving in order, or throws why.
  [[nodiscard]] task<> end_receiving();
  [[nodiscard]] task<> drop_until_over();
  [[nodiscard]] task<> drop_until_ended();
  [[nodiscard]] task<> drain_posts();

  // Of sending.
  [[nodiscard]] task<> write(std::span<const std::byte> head, std::span<const std::byte> payload);
  [[nodiscard]] task<> write_frame(opcode o, std::span<const std::byte> payload, bool last);
  [[nodiscard]] task<> write_plain(opcode o, std::span<const std::byte> payload, bool last);
  [[nodiscard]] task<> write_masked(opcode o, std::span<const std::byte> payload, bool last);
  [[nodiscard]] task<> send_in_fragments(message_kind kind, std::span<const std::byte> bytes, bool compressed);
  /// Some of a message, compressed.
  [[nodiscard]] task<> write_compressed(opcode o, std::span<const std::byte> bytes, bool first, bool last);
  [[nodiscard]] task<> write_close();
  void check_open() const;
  void tear() noexcept;
  [[nodiscard]] net::stream_ref posts_to() noexcept;
  void make_outbox();
  [[nodiscard]] const net::shared_bytes& frame_of(const prepared& p) const;
  [[nodiscard]] bool post_now(const prepared& p);
  [[nodiscard]] bool queue_rest();
  void post_waiting() noexcept;
  void owe_close(std::uint16_t code, std::string_view reason) noexcept;
  void flush_controls() noexcept;
  [[nodiscard]] bool post_rest() noexcept;
  [[nodiscard]] bool make_control() noexcept;
  void append_control(opcode o, std::string_view payload);
  [[nodiscard]] mask_key new_key();

  // Of time.
  void heard() noexcept {
    heard_ = sched_.turn_time();
    pinged_ = false;
  }
  void set_timer() noexcept;
  void timer_fired() noexcept;
  /// Whether something is to be sent that the peer has not taken.
  [[nodiscard]] bool output_waits() const noexcept {
    return writers_ != 0 || !rest_.empty() || (outbox_ && outbox_->unsent() != 0);
  }
  /// Before there is more to be sent.
  void output_grows() noexcept {
    if (!output_waits()) progressed_ = sched_.turn_time();
  }
  [[nodiscard]] bool output_overdue(std::int64_t now) noexcept;
  void cut(const error& why) noexcept;

  void arrived() noexcept override;
  void ended(const error* fault) noexcept override;
  void leave() noexcept override;

  net::any_stream stream_;
  scheduler& sched_;
  const options options_;
  message_reader reader_;
  buffer_lease in_;  // read, and not taken apart from at_ on
  std::size_t at_ = 0;
  buffer_lease held_;       // where the latest message is, if that is not in_
  buffer_lease assembled_;  // a message that came in pieces; as large as its block
  std::size_t assembled_size_ = 0;
  std::optional<inflater> inflater_;
  std::optional<deflater> deflater_;
  buffer_lease inflated_;
  std::uint64_t inflated_size_ = 0;  // of a message
  utf8_validator inflated_text_;
  const char* refusal_ = "";
  std::string rest_;                 // of a control frame that has been sent in part: it goes before everything else
  std::optional<std::string> pong_;  // is owed
  std::string ping_;                 // the payload of a ping that is owed
  std::string close_;                // the payload of a close that is owed
  std::optional<error> fault_;       // of the connection
  std::optional<net::outbox> outbox_;
  std::vector<prepared> waiting_;  // posted while a message is sent in fragments
  std::size_t waiting_size_ = 0;
  std::vector<std::byte> random_;  // for masks
  nursery* posts_;
  delayed_call timer_;
  event over_;  // nothing more comes
  std::int64_t heard_;
  std::int64_t progressed_ = 0;  // when the peer has taken something of what waits for it, or that has begun to wait
  std::uint64_t posted_ = 0;     // bytes
  std::uint64_t taken_ = 0;      // of them, when they were last looked at
  std::int64_t close_due_ = 0;   // when a close must have been answered
  std::size_t writers_ = 0;
  const side own_;
  bool receiving_ = false;
  bool inflating_ = false;       // there may be more of the latest piece
  bool inflating_last_ = false;  // which ends its message
  bool delivered_ = false;       // what is kept is a message that the receiver has
  bool first_part_ = true;
  bool pinged_ = false;  // since something was heard
  bool ping_owed_ = false;
  bool close_owed_ = false;
  bool in_fragments_ = false;  // a message is sent, at whose end a close waits
  bool closing_ = false;       // a close is sent or owed: nothing else follows
  bool drops_ = false;         // what comes meanwhile
  bool close_received_ = false;
  bool stream_ended_ = false;  // or is cut
  bool refused_ = false;       // what came
  bool left_ = false;          // the connection has ended
};

}  // namespace wring::ws::detail
