// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <wring/core/until_stopping.hpp>
#include <wring/protocols/websocket/detail/socket_core.hpp>

namespace wring::ws::detail {

/// While a task receives. What it was passed the last time is given back.
class socket_core::receiving {
 public:
  explicit receiving(socket_core& s) : core_(s) {
    if (s.receiving_) throw io_error(error(errc::busy, "receive from").with_address(s.peer));
    s.receiving_ = true;
    if (s.delivered_) {
      s.delivered_ = false;
      s.assembled_.reset();
      s.assembled_size_ = 0;
      if (s.inflating_) return;  // what it is made of is still needed
      s.held_.reset();
      s.inflated_.reset();
      if (s.at_ == s.in_.size()) {
        s.in_.reset();
        s.at_ = 0;
      }
    }
  }
  receiving(const receiving&) = delete;
  receiving& operator=(const receiving&) = delete;
  ~receiving() { core_.receiving_ = false; }

 private:
  socket_core& core_;
};

// Takes apart what has come, up to some of a message. None: more is needed, or it is over.
std::optional<message_part> socket_core::next_part() {
  if (inflating_) {
    if (const std::optional<message_part> part = next_inflated()) return part;
  }
  while (at_ < in_.size() && !over()) {
    const message_reader::step s = reader_.next({in_.data() + at_, in_.size() - at_});
    at_ += s.consumed;
    if (s.what != message_reader::event::piece) {
      handle_control(s);
      continue;
    }
    if (reader_.is_compressed()) {
      inflater_->feed(s.bytes, s.last);
      inflating_ = true;
      inflating_last_ = s.last;
      if (const std::optional<message_part> part = next_inflated()) return part;
      continue;
    }
    const bool first = std::exchange(first_part_, s.last);
    if (drops_) continue;  // nobody wants it any more
    return message_part{reader_.is_text() ? message_kind::text : message_kind::binary, first, s.last, s.bytes};
  }
  return std::nullopt;
}

// Some of what the latest piece becomes, which never is more than a block at a time, however much it is in all.
std::optional<message_part> socket_core::next_inflated() {
  while (inflating_ && !over()) {
    if (inflated_.empty()) inflated_ = sched_.blocks().acquire(block_pool::sizes[1]);
    if (first_part_ && inflated_size_ != 0) {
      inflated_size_ = 0;
      inflated_text_.reset();
    }
    const inflater::step s = inflater_->inflate({inflated_.data(), inflated_.size()});
    inflating_ = s.state == inflater::status::more_room;
    const std::span<const std::byte> bytes(inflated_.data(), s.written);
    const bool last = !inflating_ && inflating_last_;
    inflated_size_ += s.written;
    if (s.state == inflater::status::broken) {
      refuse(close_code::invalid_data, "a message is compressed wrongly");
    } else if (inflated_size_ > options_.max_message) {
      refuse(close_code::too_big, "a message is larger than the limit");
    } else if (reader_.is_text() && (!inflated_text_.feed(bytes) || (last && !inflated_text_.complete()))) {
      refuse(close_code::invalid_data, "a text is not UTF-8");
    } else if (!bytes.empty() || last) {
      const bool first = std::exchange(first_part_, last);
      if (drops_) continue;
      return message_part{reader_.is_text() ? message_kind::text : message_kind::binary, first, last, bytes};
    }
  }
  return std::nullopt;
}

void socket_core::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::size_t wanted = assembled_size_ + bytes.size();
  if (wanted > assembled_.size()) {
    // What the peer has announced is believed up to twice of what has come.
    const std::uint64_t announced = std::min<std::uint64_t>(wanted + reader_.frame_left(), 2 * wanted);
    buffer_lease larger = sched_.blocks().acquire(std::max(static_cast<std::size_t>(announced), 2 * assembled_size_));
    if (assembled_size_ != 0) std::memcpy(larger.data(), assembled_.data(), assembled_size_);
    assembled_ = std::move(larger);
  }
  std::memcpy(assembled_.data() + assembled_size_, bytes.data(), bytes.size());
  assembled_size_ = wanted;
}

// Whether there was something that takes no waiting.
bool socket_core::read_at_once() noexcept {
  in_.reset();
  at_ = 0;
  if (stream_ended_) return false;
  in_ = stream_.try_read_some();
  if (in_.empty()) return false;
  heard();
  return true;
}

// What a read has brought. False: nothing more comes.
bool socket_core::take_read(result<buffer_lease>& got) noexcept {
  if (got) {
    in_ = std::move(*got);
  } else if (!fault_) {
    fault_ = got.error();
  }
  if (in_.empty()) {
    if (!fault_) fault_ = error(errc::unexpected_eof, "receive from").with_address(peer);
    stream_ended_ = true;
    over_.set();
    return false;
  }
  heard();
  return true;
}

// A server's socket that waits is asked to stop.
void socket_core::go_away() noexcept {
  owe_close(close_code::going_away, {});
  drops_ = true;  // it could not be answered
  flush_controls();
}

// False: nothing more comes.
task<bool> socket_core::read_more() {
  if (read_at_once()) co_return true;
  if (stream_ended_) co_return false;
  if (!stops_while_reading()) {
    auto got = co_await stream_.read_some().result();
    co_return take_read(got);
  }
  auto got = co_await until_stopping(stream_.read_some()).result();
  if (got) co_return take_read(*got);
  go_away();
  co_return true;
}

task<std::optional<message>> socket_core::receive() {
  const receiving here(*this);
  for (;;) {
    const std::optional<message_part> part = next_part();
    if (part) {
      message whole{part->kind, part->bytes};
      if (!part->last || assembled_size_ != 0) {
        append(part->bytes);
        if (!part->last) continue;
        whole.bytes = {assembled_.data(), assembled_size_};
      }
      delivered_ = true;
      handle_controls(true);
      co_return whole;
    }
    if (!over()) {
      if (read_at_once()) continue;
      if (!stream_ended_ && stops_while_reading()) {
        // As `read_more` does it, without a task of its own, which would also be kept while nothing comes.
        auto got = co_await until_stopping(stream_.read_some()).result();
        if (!got) {
          go_away();
          continue;
        }
        if (take_read(*got)) continue;
      } else {
        const bool more = co_await read_more();
        if (more) continue;
      }
    }
    co_await end_receiving();
    co_return std::nullopt;
  }
}

task<std::optional<message_part>> socket_core::receive_part() {
  const receiving here(*this);
  for (;;) {
    const std::optional<message_part> part = next_part();
    if (part) {
      delivered_ = true;
      handle_controls(true);
      co_return part;
    }
    if (!over()) {
      const bool more = co_await read_more();
      if (more) continue;
    }
    co_await end_receiving();
    co_return std::nullopt;
  }
}

task<> socket_core::end_receiving() {
  if (close_received_) {
    co_await write_close();
    co_return;
  }
  if (refused_) {
    const error why = error::from_errno(EPROTO, "receive from").with_address(peer).with_detail(refusal_);
    if (!stream_ended_) {
      // What nobody reads would make the kernel reset the connection, and the close be lost.
      co_await write_close();
      static_cast<void>(co_await stream_.shut_down_write().result());
      co_await drop_until_ended();
    }
    throw io_error(why);
  }
  if (closing_) co_return;
  throw io_error(fault_.value_or(error(errc::closed, "receive from").with_address(peer)));
}

// The timer of the close bounds both of these.
task<> socket_core::drop_until_over() {
  for (;;) {
    while (next_part()) continue;
    if (over()) co_return;
    const bool more = co_await read_more();
    if (!more) co_return;
  }
}

task<> socket_core::drop_until_ended() {
  while (!stream_ended_) {
    const auto got = co_await stream_.read_some().result();
    if (!got || got->empty()) co_return;
  }
}

task<> socket_core::drain_posts() {
  if (outbox_ && outbox_->unsent() != 0) static_cast<void>(co_await outbox_->drained().result());
}

task<> socket_core::close(std::uint16_t code, std::string_view reason) {
  if (stream_ended_) co_return;
  owe_close(code, reason);
  co_await drain_posts();
  co_await write_close();
  if (receiving_) {
    co_await over_.wait();
  } else {
    const receiving here(*this);
    co_await drop_until_over();
    // The server ends the connection first (RFC 6455, section 7.1.1).
    if (own_ == side::client && !stream_ended_) co_await drop_until_ended();
  }
  co_await drain_posts();
  if (stream_ended_) co_return;
  stream_ended_ = true;
  if (timer_.active()) timer_.cancel();
  static_cast<void>(co_await stream_.close().result());
}

}  // namespace wring::ws::detail
