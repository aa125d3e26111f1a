// SPDX-License-Identifier: MIT
#include <cerrno>
#include <utility>

#include <wring/protocols/framing/callback/frame_receiver.hpp>

namespace wring::framing {

namespace {

constexpr std::size_t most_kept_capacity = 4096;  // for the next frame, where there is none

}  // namespace

/// While frames are passed on. If a callback throws, the connection is lost, and nothing needs to be kept.
class frame_receiver::pass {
 public:
  explicit pass(frame_receiver& r) noexcept : receiver_(r) { r.busy_ = true; }
  pass(const pass&) = delete;
  pass& operator=(const pass&) = delete;
  ~pass() {
    receiver_.fresh_ = {};
    receiver_.busy_ = false;
  }

 private:
  frame_receiver& receiver_;
};

frame_receiver::~frame_receiver() = default;

std::string_view frame_receiver::unread() const noexcept {
  return taken_ != kept_.size() ? std::string_view(kept_).substr(taken_) : text_of(fresh_);
}

void frame_receiver::consume(std::size_t count) noexcept {
  if (taken_ != kept_.size()) {
    taken_ += count;
  } else {
    fresh_ = fresh_.subspan(count);
  }
}

void frame_receiver::keep() {
  kept_.erase(0, std::exchange(taken_, 0));
  kept_ += text_of(std::exchange(fresh_, {}));
  kept_ += std::exchange(late_, {});
  if (!kept_.empty()) kept_under_ = transport().security();
  if (kept_.empty() && kept_.capacity() > most_kept_capacity) kept_.shrink_to_fit();
}

void frame_receiver::data_received(std::span<const std::byte> data) {
  if (refusal_) return;
  if (busy_) {
    late_ += text_of(data);
    return;
  }
  const pass receiving(*this);
  if (kept_.empty()) {
    fresh_ = data;
  } else {
    kept_ += text_of(data);
  }
  receive();
  keep();
}

void frame_receiver::receive() {
  for (bool more = true; more && !paused_ && !refusal_;) {
    if (transport().disconnected() || (!raw_ && transport().disconnecting() && !receives_while_disconnecting())) return;
    if (!late_.empty()) keep();
    if (unread().empty()) return;
    refuse_if_unsecured();
    pass_next(unread(), more);
  }
}

// Before and after an upgrade, bytes are of different worth.
void frame_receiver::refuse_if_unsecured() {
  const bool other_worth = !kept_.empty() && kept_under_ != transport().security();
  if (!other_worth && !transport().upgrading()) return;
  throw io_error(error::from_errno(EPROTO, "upgrade a connection")
                     .with_detail("what follows the command to begin was not secured, and is not accepted"));
}

void frame_receiver::pass_next(std::string_view unread, bool& more) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(unread));
  if (raw_) {
    consume(unread.size());
    return raw_received(bytes);
  }
  const auto found = format_.find(bytes);
  if (!found) {
    refusal_ = found.error();
    format_.restart();
    consume(unread.size());
    return frame_refused(*refusal_, unread);
  }
  if (const std::optional<frame_extent>& frame = *found; frame) {
    format_.restart();
    consume(frame->whole());
    return frame_received(unread.substr(frame->head, frame->size));
  }
  more = !late_.empty();
}

void frame_receiver::frame_refused(const error& why, std::string_view unread) {
  static_cast<void>(why);
  static_cast<void>(unread);
  transport().lose_connection();
}

void frame_receiver::pause_producing() {
  paused_ = true;
  transport().pause_producing();
}

void frame_receiver::resume_producing() {
  paused_ = false;
  transport().resume_producing();
  if (busy_) return;  // the loop that calls back goes on
  const pass receiving(*this);
  receive();
  keep();
}

void frame_receiver::set_raw(bool on) noexcept {
  raw_ = on;
  format_.restart();
}

std::string frame_receiver::take_unread() {
  format_.restart();
  std::string all(unread());
  if (taken_ != kept_.size()) all += text_of(fresh_);
  taken_ = kept_.size();  // a callback may be looking at what is kept
  fresh_ = {};
  return all += std::exchange(late_, {});
}

void frame_receiver::send_frame(std::string_view payload) {
  const frame_edges edges = format_.edges(payload);
  transport().write_sequence({edges.head(), payload, edges.tail});
}

}  // namespace wring::framing
