// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include <wring/core/engine/engine.hpp>
#include <wring/protocols/http/detail/upgraded_stream.hpp>
#include <wring/protocols/websocket/detail/mask.hpp>
#include <wring/protocols/websocket/detail/socket_core.hpp>
#include <wring/protocols/websocket/detail/utf8.hpp>

namespace wring::ws::detail {

namespace {

/// A longer message is sent in fragments: control frames go between them, no more than this is copied where it must be,
/// and it shows whether the peer takes any of it.
constexpr std::size_t most_in_frame = std::size_t{64} * 1024;

/// A head and so much behind it are copied into one piece: sending several takes the kernel longer than that.
constexpr std::size_t most_joined = std::size_t{16} * 1024;

opcode opcode_of(message_kind kind) noexcept { return kind == message_kind::text ? opcode::text : opcode::binary; }

}  // namespace

/// While a task writes. What was begun and not ended must not be followed by anything.
class socket_core::writing {
 public:
  explicit writing(socket_core& s) noexcept : core_(s) {
    s.output_grows();
    ++s.writers_;
  }
  writing(const writing&) = delete;
  writing& operator=(const writing&) = delete;
  ~writing() {
    --core_.writers_;
    if (begun && !ended) core_.tear();
    if (core_.pong_ || core_.ping_owed_ || core_.close_owed_) core_.flush_controls();
  }

  bool begun = false;
  bool ended = false;

 private:
  socket_core& core_;
};

/// While a message is sent in fragments: what was begun must be ended.
struct socket_core::unfinished {
  explicit unfinished(socket_core& s) noexcept : core(s) {}
  unfinished(const unfinished&) = delete;
  unfinished& operator=(const unfinished&) = delete;
  ~unfinished() {
    if (!finished) core.leave_unfinished();
  }

  socket_core& core;
  bool finished = false;
};

/// While a message is sent in fragments: what is posted meanwhile, and a close, go behind it.
class socket_core::fragmenting {
 public:
  fragmenting(socket_core& s, mutex::guard held) noexcept : core_(s), held_(std::move(held)) { s.in_fragments_ = true; }
  fragmenting(const fragmenting&) = delete;
  fragmenting& operator=(const fragmenting&) = delete;
  ~fragmenting() {
    core_.in_fragments_ = false;
    held_.unlock();
    core_.post_waiting();
    if (core_.close_owed_) core_.flush_controls();
  }

 private:
  socket_core& core_;
  mutex::guard held_;
};

void socket_core::tear() noexcept {
  cut(error(errc::write_torn, "send to").with_address(peer).with_detail("a message was cancelled half way"));
}

void socket_core::leave_unfinished() noexcept {
  if (!closing_ || close_owed_) tear();
}

void socket_core::check_open() const {
  if (closing_ || stream_ended_) [[unlikely]] {
    error why = fault_.value_or(error(errc::closed, "send to").with_address(peer));
    throw io_error(why);
  }
}

mask_key socket_core::new_key() {
  constexpr std::size_t drawn = 64;
  mask_key key;
  if (random_.size() < key.size()) {
    random_.resize(drawn);
    sched_.engine().random(random_);
  }
  std::memcpy(key.data(), random_.data() + random_.size() - key.size(), key.size());
  random_.resize(random_.size() - key.size());
  return key;
}

task<> socket_core::write(std::span<const std::byte> head, std::span<const std::byte> payload) {
  writing here(*this);
  const std::string before = std::exchange(rest_, {});
  here.begun = !before.empty();
  std::array<std::span<const std::byte>, 3> parts;
  std::size_t count = 0;
  for (const std::span<const std::byte> part : {std::as_bytes(std::span(before)), head, payload}) {
    if (!part.empty()) parts[count++] = part;
  }
  std::span<std::span<const std::byte>> left(parts.data(), count);
  if (!sched_.batching_sends()) {
    std::size_t sent = stream_.try_write(left);
    if (sent != 0) here.begun = true;
    while (!left.empty() && sent >= left.front().size()) {
      sent -= left.front().size();
      left = left.subspan(1);
    }
    if (left.empty()) {
      here.ended = true;
      co_return;
    }
    left.front() = left.front().subspan(sent);
  }
  const std::span<const std::span<const std::byte>> rest(left);
  const auto sent = co_await stream_.write_all(rest).result();
  here.ended = true;  // or the stream has noted that it is torn
  progressed_ = sched_.turn_time();
  if (!sent) {
    if (!fault_) fault_ = sent.error();
    throw io_error(*fault_);
  }
}

task<> socket_core::write_masked(opcode o, std::span<const std::byte> payload, bool last) {
  const mask_key key = new_key();
  const frame_head head = make_frame_head(o, payload.size(), last, false, &key);
  const buffer_lease block = sched_.blocks().acquire(head.size + payload.size());
  std::memcpy(block.data(), head.bytes.data(), head.size);
  static_cast<void>(copy_masked(payload, block.data() + head.size, key));
  const std::span<const std::byte> frame(block.data(), head.size + payload.size());
  co_await write(frame, {});
}

task<> socket_core::write_frame(opcode o, std::span<const std::byte> payload, bool last) {
  if (own_ == side::client) return write_masked(o, payload, last);
  return write_plain(o, payload, last);
}

task<> socket_core::write_plain(opcode o, std::span<const std::byte> payload, bool last) {
  const frame_head head = make_frame_head(o, payload.size(), last, false, nullptr);
  const std::span<const std::byte> head_bytes(head.bytes.data(), head.size);
  co_await write(head_bytes, payload);
}

// Whatever is compressed must be sent, as what follows may refer to it: so nothing is awaited between the two.
task<> socket_core::write_compressed(opcode o, std::span<const std::byte> bytes, bool first, bool last) {
  const buffer_lease block = sched_.blocks().acquire(deflater::most(bytes.size()));
  unfinished here(*this);
  const std::span<std::byte> made(block.data(), deflater_->compress(bytes, last, block.data()));
  mask_key key{};
  if (own_ == side::client) {
    key = new_key();
    static_cast<void>(apply_mask(made, key));
  }
  const frame_head head = make_frame_head(o, made.size(), last, first, own_ == side::client ? &key : nullptr);
  const std::span<const std::byte> head_bytes(head.bytes.data(), head.size);
  co_await write(head_bytes, made);
  here.finished = true;
}

task<> socket_core::send(message_kind kind, std::span<const std::byte> bytes) {
  check_open();
  if (kind == message_kind::text && !is_utf8(bytes)) throw std::invalid_argument("a text to be sent is not UTF-8");
  const bool compressed = deflater_ && bytes.size() >= options_.compress_from;
  if (bytes.size() > most_in_frame) {
    co_await send_in_fragments(kind, bytes, compressed);
    co_return;
  }
  mutex::guard turn;
  if (sending.locked()) {
    turn = co_await sending.lock();
    check_open();
    turn.unlock();
  }
  if (compressed) {
    co_await write_compressed(opcode_of(kind), bytes, true, true);
    co_return;
  }
  if (own_ == side::client) {
    co_await write_masked(opcode_of(kind), bytes, true);
    co_return;
  }
  const frame_head head = make_frame_head(opcode_of(kind), bytes.size(), true, false, nullptr);
  const std::span<const std::byte> head_bytes(head.bytes.data(), head.size);
  if (bytes.size() > most_joined || !rest_.empty()) {
    co_await write(head_bytes, bytes);
    co_return;
  }
  // As `write` does it, without a task of its own.
  const buffer_lease block = sched_.blocks().acquire(head.size + bytes.size());
  std::memcpy(block.data(), head.bytes.data(), head.size);
  if (!bytes.empty()) std::memcpy(block.data() + head.size, bytes.data(), bytes.size());
  std::span<const std::byte> frame(block.data(), head.size + bytes.size());
  writing here(*this);
  if (!sched_.batching_sends()) {
    const std::size_t at_once = stream_.try_write({&frame, 1});
    here.ended = at_once == frame.size();
    if (here.ended) co_return;
    here.begun = at_once != 0;
    frame = frame.subspan(at_once);
  }
  const auto sent = co_await stream_.write_all(frame).result();
  here.ended = true;  // or the stream has noted that it is torn
  progressed_ = sched_.turn_time();
  if (!sent) {
    if (!fault_) fault_ = sent.error();
    throw io_error(*fault_);
  }
}

task<> socket_core::send(prepared p) {
  if (own_ == side::client || p.bytes().size() > most_in_frame) {
    co_await send(p.kind(), p.bytes());
    co_return;
  }
  check_open();
  if (sending.locked()) {
    const mutex::guard turn = co_await sending.lock();
    check_open();
  }
  co_await write(frame_of(p).bytes(), {});
}

// Compressed for those to whom messages refer to none before: others would have to take it into account.
const net::shared_bytes& socket_core::frame_of(const prepared& p) const {
  if (!deflater_ || deflater_->terms().keeps_context || p.bytes().size() < options_.compress_from) return p.frame();
  return p.frame_for(deflater_->terms().window_bits);
}

task<> socket_core::send_in_fragments(message_kind kind, std::span<const std::byte> bytes, bool compressed) {
  mutex::guard locked = co_await sending.lock();
  check_open();
  const fragmenting held(*this, std::move(locked));
  unfinished here(*this);
  here.finished = true;  // as nothing was begun
  opcode o = opcode_of(kind);
  while (!bytes.empty()) {
    const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), most_in_frame));
    bytes = bytes.subspan(piece.size());
    const opcode code = std::exchange(o, opcode::continuation);
    if (compressed) {
      co_await write_compressed(code, piece, code != opcode::continuation, bytes.empty());
    } else {
      co_await write_frame(code, piece, bytes.empty());
    }
    here.finished = bytes.empty();
  }
}

task<> socket_core::send_fragment(opcode o, std::span<const std::byte> bytes, bool last) {
  check_open();
  while (bytes.size() > most_in_frame) {
    co_await write_frame(std::exchange(o, opcode::continuation), bytes.first(most_in_frame), false);
    bytes = bytes.subspan(most_in_frame);
    check_open();
  }
  co_await write_frame(o, bytes, last);
}

// The close that is owed, and what goes before it.
task<> socket_core::write_close() {
  if (in_fragments_) {
    const mutex::guard behind = co_await sending.lock();
  }
  flush_controls();
  if (stream_ended_ || (rest_.empty() && !close_owed_)) co_return;
  if (rest_.empty()) static_cast<void>(make_control());
  static_cast<void>(co_await write({}, {}).result());
  if (close_owed_ && !stream_ended_) {
    static_cast<void>(make_control());
    static_cast<void>(co_await write({}, {}).result());
  }
}

net::stream_ref socket_core::posts_to() noexcept {
  const auto* const upgraded = stream_.target<http::detail::upgraded_stream>();
  return upgraded != nullptr ? upgraded->below() : net::stream_ref(stream_);
}

bool socket_core::needs_posting_task() noexcept { return !net::detail::stream_access::queues(posts_to()); }

void socket_core::make_outbox() {
  const net::stream_ref to = posts_to();
  const bool is_upgraded = stream_.target<http::detail::upgraded_stream>() != nullptr;
  if (needs_posting_task() && (posts_ == nullptr || !is_upgraded)) {
    throw std::logic_error("what is posted to a WebSocket over this kind of stream needs a nursery: see ws::accept");
  }
  // A close fits behind all that may be posted.
  constexpr std::size_t reserve = 256;
  const std::size_t limit = options_.outbox == unlimited ? unlimited : options_.outbox + reserve;
  outbox_.emplace(to, posts_ != nullptr ? *posts_ : sched_.root(), net::outbox_options{.limit = limit});
}

bool socket_core::post(const prepared& p) {
  if (closing_ || stream_ended_) return false;
  if (!outbox_) make_outbox();
  const std::size_t unsent = outbox_->unsent() + waiting_size_;
  const std::size_t size = own_ == side::server ? frame_of(p).size() : p.frame().size();
  if (options_.outbox != unlimited && (unsent > options_.outbox || size > options_.outbox - unsent)) {
    ++dropped;
    if (options_.when_full == overflow::drop) return false;
    owe_close(close_code::policy, "too slow");
    drops_ = true;
    // It goes behind what was posted.
    while (rest_.empty() && make_control()) static_cast<void>(queue_rest());
    return false;
  }
  if (unsent == 0) output_grows();
  if (sending.locked()) {
    waiting_.push_back(p);
    waiting_size_ += size;
    return true;
  }
  try {
    return post_now(p);
  } catch (const std::logic_error&) {
    return false;  // the nursery has ended, and so will the socket
  }
}

bool socket_core::post_now(const prepared& p) {
  if (!rest_.empty() && writers_ == 0 && !queue_rest()) return false;
  if (own_ == side::server) {
    const net::shared_bytes& frame = frame_of(p);
    if (!outbox_->post(frame)) return false;
    posted_ += frame.size();
    return true;
  }
  const mask_key key = new_key();
  const opcode o = opcode_of(p.kind());
  const frame_head head = make_frame_head(o, p.bytes().size(), true, false, &key);
  std::vector<std::byte> frame(head.size + p.bytes().size());
  std::memcpy(frame.data(), head.bytes.data(), head.size);
  static_cast<void>(copy_masked(p.bytes(), frame.data() + head.size, key));
  if (!outbox_->post(net::shared_bytes(frame))) return false;
  posted_ += frame.size();
  return true;
}

bool socket_core::queue_rest() {
  if (!outbox_->post(rest_)) return false;
  posted_ += rest_.size();
  rest_.clear();
  return true;
}

void socket_core::post_waiting() noexcept {
  if (waiting_.empty()) return;
  const std::vector<prepared> all = std::exchange(waiting_, {});
  waiting_size_ = 0;
  try {
    for (const prepared& p : all) {
      if (stream_ended_ || (closing_ && !close_owed_)) return;
      static_cast<void>(post_now(p));
    }
  } catch (...) {
    cut(error::from_errno(ENOMEM, "post to").with_address(peer));
  }
}

}  // namespace wring::ws::detail
