// SPDX-License-Identifier: MIT
// A socket's life: what is owed to the peer, time, and the end. Receiving and sending are beside this.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include <wring/core/log.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/detail/upgraded_stream.hpp>
#include <wring/protocols/websocket/detail/mask.hpp>
#include <wring/protocols/websocket/detail/socket_core.hpp>

namespace wring::ws::detail {

socket_core::socket_core(side own, net::any_stream s, buffer_lease ahead, const options& o, std::string_view chosen,
                         const std::optional<deflate_terms>& compression, nursery* posts)
    : protocol(chosen),
      peer(s.peer_address()),
      stream_(std::move(s)),
      sched_(scheduler::current()),
      options_(o),
      reader_(own, {.message = o.max_message, .fragments = o.max_fragments}, compression.has_value()),
      in_(std::move(ahead)),
      posts_(posts),
      heard_(sched_.turn_time()),
      own_(own) {
  if (compression) {
    deflate_terms::direction mine = own == side::server ? compression->server : compression->client;
    // More takes more memory than it saves bytes.
    mine.window_bits = std::min(mine.window_bits, std::uint8_t{12});
    deflater_.emplace(mine);
    inflater_.emplace(own == side::server ? compression->client : compression->server);
  }
  set_timer();
  if (auto* const upgraded = stream_.target<http::detail::upgraded_stream>(); upgraded != nullptr) {
    upgraded->tell_end(this);
  }
  handle_controls(false);
  stream_.watch(this);
}

socket_core::~socket_core() {
  while (!topics.empty()) topics.back().of->leaves(*this);
  if (left_) return;
  if (!stream_ended_ && !closing_) {
    const std::uint16_t code = std::uncaught_exceptions() != 0 ? close_code::internal_error
                               : sched_.stopping()             ? close_code::going_away
                                                               : close_code::normal;
    owe_close(code, {});
    flush_controls();
  }
  if (timer_.active()) timer_.cancel();  // which the close has set
  stream_.watch(nullptr);
  if (auto* const upgraded = stream_.target<http::detail::upgraded_stream>(); upgraded != nullptr) {
    upgraded->tell_end(nullptr);
  }
}

// The handler has returned, and the socket is still there.
void socket_core::leave() noexcept {
  outbox_.reset();
  left_ = true;
  stream_ended_ = true;
  if (timer_.active()) timer_.cancel();
  if (!fault_) fault_ = error(errc::closed, "use a WebSocket of").with_address(peer);
  over_.set();
}

void socket_core::cut(const error& why) noexcept {
  if (stream_ended_) return;
  if (!fault_) fault_ = why;
  stream_ended_ = true;
  stream_.abort();
  over_.set();
}

void socket_core::arrived() noexcept {
  while (!receiving_ && !stream_ended_ && at_ == in_.size()) {
    in_ = stream_.try_read_some();
    at_ = 0;
    if (in_.empty()) return;
    heard();
    handle_controls(false);
  }
}

void socket_core::ended(const error* fault) noexcept {
  if (fault != nullptr && !fault_) fault_ = *fault;
}

// Those that come before anything of a message. `keep`: the memory that they are in holds a message, too, and a close
// behind that waits until it has been looked at, so that it can be answered.
void socket_core::handle_controls(bool keep) noexcept {
  constexpr std::byte closes{static_cast<unsigned char>(0x80U | static_cast<unsigned>(opcode::close))};
  if (inflating_) return;
  while (at_ < in_.size() && !over() && reader_.is_control_next(in_.data()[at_])) {
    if (keep && in_.data()[at_] == closes) return;
    const message_reader::step s = reader_.next({in_.data() + at_, in_.size() - at_});
    at_ += s.consumed;
    handle_control(s);
  }
  if (at_ != in_.size()) return;
  if (keep && !in_.empty()) {
    held_ = std::move(in_);
  } else {
    in_.reset();
  }
  at_ = 0;
}

// Whether another ping has come as a whole: a flood of them is not to make as many calls of the kernel.
bool socket_core::ping_follows() const noexcept {
  constexpr std::byte pings{static_cast<unsigned char>(0x80U | static_cast<unsigned>(opcode::ping))};
  constexpr std::size_t head = 2;
  const std::size_t left = in_.size() - at_;
  if (left < head || in_.data()[at_] != pings) return false;
  const auto size = std::to_integer<std::size_t>(in_.data()[at_ + 1] & std::byte{0x7f});
  return left >= head + size + (own_ == side::server ? mask_key().size() : 0);
}

void socket_core::handle_control(const message_reader::step& s) noexcept {
  using event = message_reader::event;
  const std::string_view text(reinterpret_cast<const char*>(s.bytes.data()), s.bytes.size());
  try {
    switch (s.what) {
      case event::ping:
        pong_ = text;  // of several the latest is answered (RFC 6455, section 5.5.3)
        if (!ping_follows()) flush_controls();
        break;
      case event::pong:
        if (pongs != nullptr) pongs->pong_received(s.bytes);
        break;
      case event::close:
        close_received_ = true;
        closed_by_peer = close_reason{reader_.code(), std::string(text)};
        owe_close(reader_.code() == close_code::none ? close_code::normal : reader_.code(), {});
        flush_controls();
        over_.set();
        break;
      case event::refused:
        refuse(reader_.why().code, reader_.why().text);
        break;
      default:
        break;
    }
  } catch (const std::bad_alloc&) {
    cut(error::from_errno(ENOMEM, "answer a control frame of").with_address(peer));
  }
}

void socket_core::refuse(std::uint16_t code, const char* text) noexcept {
  refused_ = true;
  refusal_ = text;
  owe_close(code, text);
  flush_controls();
  over_.set();
}

void socket_core::owe_close(std::uint16_t code, std::string_view reason) noexcept {
  if (closing_) return;
  closing_ = true;
  close_owed_ = true;
  try {
    close_.clear();
    close_ += static_cast<char>(code >> 8);
    close_ += static_cast<char>(code & 0xff);
    close_ += reason.substr(0, most_close_reason);
  } catch (const std::bad_alloc&) {
    close_.clear();
  }
  close_due_ = sched_.deadline_after(options_.close_wait);
  set_timer();
}

void socket_core::begin_close(std::uint16_t code) noexcept {
  if (stream_ended_) return;
  owe_close(code, {});
  flush_controls();
}

void socket_core::ping(std::string_view payload) {
  if (closing_ || stream_ended_) return;
  ping_ = payload;
  ping_owed_ = true;
  flush_controls();
}

void socket_core::append_control(opcode o, std::string_view payload) {
  output_grows();
  const mask_key key = own_ == side::client ? new_key() : mask_key{};
  const frame_head head = make_frame_head(o, payload.size(), true, false, own_ == side::client ? &key : nullptr);
  rest_.append(reinterpret_cast<const char*>(head.bytes.data()), head.size);
  const std::size_t begin = rest_.size();
  rest_ += payload;
  if (own_ == side::client) {
    static_cast<void>(apply_mask(std::as_writable_bytes(std::span(rest_)).subspan(begin), key));
  }
}

// A close is the last.
bool socket_core::make_control() noexcept {
  const bool may_send = !closing_ || close_owed_;
  try {
    if (pong_) {
      if (may_send) append_control(opcode::pong, *pong_);
      pong_.reset();
      if (may_send) return true;
    }
    if (std::exchange(ping_owed_, false) && !closing_) {
      append_control(opcode::ping, std::exchange(ping_, {}));
      return true;
    }
    if (!in_fragments_ && std::exchange(close_owed_, false)) {
      append_control(opcode::close, close_);
      return true;
    }
  } catch (const std::bad_alloc&) {
    rest_.clear();
    cut(error::from_errno(ENOMEM, "answer a control frame of").with_address(peer));
  }
  return false;
}

// Sends what takes no waiting. The rest goes before what is written next, or is tried again when the timer fires.
void socket_core::flush_controls() noexcept {
  if (writers_ != 0 || stream_ended_) return;
  while (!rest_.empty() || make_control()) {
    const std::array<std::span<const std::byte>, 1> bytes{std::as_bytes(std::span(rest_))};
    const std::size_t sent = stream_.try_write(bytes);
    rest_.erase(0, sent);
    if (sent != 0) progressed_ = sched_.turn_time();
    if (rest_.empty()) continue;
    if (!post_rest()) return set_timer();
  }
}

// Behind what has been posted.
bool socket_core::post_rest() noexcept {
  if (!outbox_ || outbox_->unsent() == 0 || outbox_->unsent() > options_.outbox) return false;
  try {
    return queue_rest();
  } catch (...) {
    return false;
  }
}

void socket_core::set_timer() noexcept {
  if (stream_ended_) return;
  const std::int64_t now = sched_.clock_now();
  std::int64_t due = wring::detail::timer_wheel::never;
  if (closing_) {
    due = close_due_;
  } else {
    const duration silence =
        pinged_ || options_.ping_after >= options_.silence ? options_.silence : options_.ping_after;
    if (silence != forever) due = wring::detail::time_after(heard_, silence.count());
    if (options_.output_progress != forever) {
      const std::int64_t since = output_waits() ? progressed_ : now;
      due = std::min(due, wring::detail::time_after(since, options_.output_progress.count()));
    }
  }
  if (!rest_.empty() || pong_) due = std::min(due, sched_.deadline_after(std::chrono::seconds(1)));
  if (due == wring::detail::timer_wheel::never) return;
  const std::chrono::nanoseconds left(std::max<std::int64_t>(due - now, 0));
  try {
    if (timer_.active()) {
      timer_.reset(left);
    } else {
      timer_ = call_later(left, [this] { timer_fired(); });
    }
  } catch (...) {
    cut(error::from_errno(ENOMEM, "set a timer for").with_address(peer));
  }
}

// What was posted goes without notice, so it is counted when this is asked.
bool socket_core::output_overdue(std::int64_t now) noexcept {
  if (outbox_) {
    const std::uint64_t taken = posted_ - outbox_->unsent();
    if (std::exchange(taken_, taken) != taken) progressed_ = now;
  }
  return options_.output_progress != forever && output_waits() && now - progressed_ >= options_.output_progress.count();
}

void socket_core::timer_fired() noexcept {
  const std::int64_t now = sched_.clock_now();
  flush_controls();
  if (closing_) {
    if (now >= close_due_) {
      return cut(error(errc::timed_out, "close a WebSocket of")
                     .with_address(peer)
                     .with_detail("the close was not answered within options::close_wait"));
    }
  } else if (output_overdue(now)) {
    return cut(error(errc::timed_out, "send to")
                   .with_address(peer)
                   .with_detail("the peer has taken nothing of what was sent for options::output_progress"));
  } else if (at_ < in_.size() || stream_.received_ahead() != 0) {
    heard();  // it is not the peer that is silent
  } else {
    const bool overdue = options_.silence != forever && now - heard_ >= options_.silence.count();
    if (overdue) {
      return cut(error(errc::timed_out, "hear from")
                     .with_address(peer)
                     .with_detail("the peer has been silent for options::silence, and answered no ping"));
    }
    if (!pinged_ && options_.ping_after != forever && now - heard_ >= options_.ping_after.count()) {
      pinged_ = true;
      ping_owed_ = true;
      // It refers to nothing then, which it may do at any time.
      if (deflater_ && !sending.locked()) deflater_->forget();
      flush_controls();
    }
  }
  set_timer();
}

}  // namespace wring::ws::detail
