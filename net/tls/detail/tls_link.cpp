// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/flows/leaving.hpp>
#include <wring/core/offload.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tls/detail/tls_link.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr const char* read_from = "read from";
constexpr const char* write_to = "write to";
constexpr const char* in_handshake = "do a TLS handshake with";
constexpr duration close_timeout = std::chrono::seconds(2);
/// What is encrypted before it is written to the stream below, in one write.
constexpr std::size_t most_at_once = std::size_t{64} * 1024;
constexpr std::size_t largest_record = std::size_t{16} * 1024;
/// Pieces below this are joined to a record; larger ones are encrypted where they are.
constexpr std::size_t worth_a_record = std::size_t{4} * 1024;
/// Of a whole handshake: a chain of certificates is the most of it.
constexpr std::size_t most_handshake_bytes = std::size_t{128} * 1024;
constexpr std::size_t record_head = 5;

using part = std::span<const std::byte>;

}  // namespace

class tls_link::occupied {
 public:
  explicit occupied(tls_link& l) noexcept : link_(l) { link_.reading_ = true; }
  occupied(const occupied&) = delete;
  occupied& operator=(const occupied&) = delete;
  ~occupied() { link_.reading_ = false; }

 private:
  tls_link& link_;
};

/// Notes that records which were encrypted have not been written: then nothing can follow them.
class tls_link::tearing {
 public:
  explicit tearing(tls_link& l) noexcept : link_(l) {}
  tearing(const tearing&) = delete;
  tearing& operator=(const tearing&) = delete;
  ~tearing() {
    if (!unwritten_) return;
    link_.write_torn_ = true;
    link_.torn_ = written_;
  }
  void encrypted() noexcept { unwritten_ = true; }
  void written(std::size_t count) noexcept {
    written_ += count;
    unwritten_ = false;
  }
  void failed() noexcept { unwritten_ = false; }

 private:
  tls_link& link_;
  std::size_t written_ = 0;
  bool unwritten_ = false;
};

/// Ends the stream below if its close has been cancelled.
class tls_link::cut_off {
 public:
  explicit cut_off(stream_ref lower) noexcept : lower_(lower) {}
  cut_off(const cut_off&) = delete;
  cut_off& operator=(const cut_off&) = delete;
  ~cut_off() {
    if (!done_) lower_.abort();
  }
  void done() noexcept { done_ = true; }

 private:
  stream_ref lower_;
  bool done_ = false;
};

tls_link::~tls_link() {
  const bool writes = sending_.locked() && !posting_;
  if (reading_ || writes) [[unlikely]]
    wring::detail::destroyed_in_use("a TLS stream");
  if (queued()) withdraw();
  if (established_ && !closed_ && !write_obstacle() && !wring::detail::leaving_early() &&
      engine_.shut_down() == tls_step::done) {
    const buffer_lease last = engine_.take_output();
    const part bytes(last.data(), last.size());
    static_cast<void>(lower_.try_write({&bytes, 1}));
  }
}

error tls_link::named(const error& e) const noexcept { return e.with_address(peer_address()); }
error tls_link::about(errc code, const char* operation) const noexcept { return named(error(code, operation)); }

task<> tls_link::receive_first_record() {
  std::vector<std::byte> head;
  for (;;) {
    buffer_lease chunk = engine_.has_input() ? engine_.take_input() : buffer_lease();
    if (chunk.empty()) chunk = co_await lower_.read_some();
    if (chunk.empty()) about(errc::unexpected_eof, in_handshake).with_count(head.size()).raise();
    const bool is_first = head.empty();
    part all = chunk;
    if (!is_first) {
      head.insert(head.end(), chunk.begin(), chunk.end());
      all = head;
    }
    // A record of the handshake (22), of any version 3.x.
    if (all[0] != std::byte{22} || (all.size() > 1 && all[1] != std::byte{3})) {
      about(errc::tls_failed, in_handshake).with_detail("it does not speak TLS").raise();
    }
    if (all.size() >= record_head) {
      const std::size_t length = std::to_integer<std::size_t>(all[3]) << 8 | std::to_integer<std::size_t>(all[4]);
      if (length > largest_record) about(errc::tls_failed, in_handshake).with_detail("it does not speak TLS").raise();
      if (all.size() >= record_head + length) {
        engine_.feed(is_first ? std::move(chunk) : buffer_lease::copy_of(head));
        co_return;
      }
    }
    if (is_first) head.assign(chunk.begin(), chunk.end());
  }
}

task<> tls_link::handshake(bool slow) {
  std::size_t received = 0;
  for (;;) {
    tls_step step = tls_step::failed;
    if (slow) {
      auto compute = [&] { return engine_.handshake(); };
      step = co_await offload(thread_pool::crypto(), compute);
    } else {
      step = engine_.handshake();
    }
    engine_.release_input();
    if (engine_.has_output()) {
      const buffer_lease out = engine_.take_output();
      const auto sent = co_await lower_.write_all(part(out.data(), out.size())).result();
      if (!sent && step != tls_step::failed) sent.error().raise();
    }
    if (step == tls_step::failed) named(engine_.fault()).raise();
    if (step == tls_step::done) break;
    buffer_lease more = co_await lower_.read_some();
    if (more.empty()) about(errc::unexpected_eof, in_handshake).with_count(received).raise();
    received += more.size();
    if (received > most_handshake_bytes) {
      about(errc::limit_exceeded, in_handshake).with_count(most_handshake_bytes).raise();
    }
    engine_.feed(std::move(more));
  }
  security_ = engine_.security();
  established_ = true;
}

std::optional<error> tls_link::read_obstacle() const noexcept {
  if (closed_) return about(errc::closed, read_from);
  if (out_of_memory_) return named(error::from_errno(ENOMEM, read_from));
  return {};
}

std::optional<error> tls_link::read_fault(tls_step step) noexcept {
  engine_.release_input();
  if (step == tls_step::failed) {
    // Nobody waits for the alert to go out; close() sends what is left.
    return named(engine_.fault());
  }
  if (step == tls_step::ended) input_ended_ = true;
  if (step == tls_step::wants_input && truncated_) return about(errc::tls_truncated, read_from);
  return {};
}

std::optional<result<std::size_t>> tls_link::take(std::span<std::byte> into) noexcept {
  if (const auto e = read_obstacle()) return result<std::size_t>(*e);
  if (into.empty()) return result<std::size_t>(0U);
  if (!returned_.empty()) {
    const std::size_t count = std::min(into.size(), returned_.size());
    std::memcpy(into.data(), returned_.data(), count);
    returned_.consume(count);
    return result<std::size_t>(count);
  }
  if (input_ended_) return result<std::size_t>(0U);
  std::size_t count = 0;
  const tls_step step = engine_.read(into, count);
  if (step == tls_step::done) {
    engine_.release_input();
    return result<std::size_t>(count);
  }
  if (const auto e = read_fault(step)) return result<std::size_t>(*e);
  if (input_ended_) return result<std::size_t>(0U);
  return {};
}

// The first byte has OpenSSL decrypt a record, and then it knows how much there is.
std::optional<result<buffer_lease>> tls_link::take() noexcept {
  if (const auto e = read_obstacle()) return result<buffer_lease>(*e);
  if (!returned_.empty()) return result<buffer_lease>(std::move(returned_));
  if (input_ended_) return result<buffer_lease>();
  std::byte first{};
  std::size_t count = 0;
  const tls_step step = engine_.read({&first, 1}, count);
  if (step != tls_step::done) {
    if (const auto e = read_fault(step)) return result<buffer_lease>(*e);
    if (input_ended_) return result<buffer_lease>();
    return {};
  }
  const std::size_t rest = engine_.pending();
  engine_.release_input();
  try {
    buffer_lease bytes = buffer_lease::allocate(1 + rest);
    bytes.data()[0] = first;
    if (rest != 0) {
      const tls_step more = engine_.read(std::span<std::byte>(bytes).subspan(1), count);
      if (more != tls_step::done) return result<buffer_lease>(named(engine_.fault()));
      bytes.truncate(1 + count);
      engine_.release_input();
    }
    return result<buffer_lease>(std::move(bytes));
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;  // a byte is lost
    return result<buffer_lease>(named(error::from_errno(ENOMEM, read_from)));
  }
}

void tls_link::give_back(buffer_lease&& bytes) noexcept {
  if (returned_.empty()) {
    returned_ = std::move(bytes);
  } else {
    give_back(part(bytes.data(), bytes.size()));
  }
}

void tls_link::give_back(part bytes) noexcept {
  if (bytes.empty()) return;
  try {
    buffer_lease joined = buffer_lease::allocate(bytes.size() + returned_.size());
    std::ranges::copy(bytes, joined.begin());
    std::ranges::copy(returned_, joined.begin() + bytes.size());
    returned_ = std::move(joined);
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;
  }
}

task<> tls_link::fill(read_goal& goal) {
  const occupied here(*this);
  do {
    if (engine_.has_output()) co_await flush_from_reader();
    if (!sending_.locked()) engine_.free_buffers();
    auto got = co_await lower_.read_some().result();
    if (!got) {
      goal.fail(closed_ ? about(errc::closed, read_from) : got.error());
      co_return;
    }
    if (got->empty()) {
      truncated_ = true;
    } else {
      engine_.feed(std::move(*got));
    }
  } while (!goal.look(*this));
}

// If the stream below has no room, this waits: but OpenSSL puts out nothing while it reads except refusals of
// renegotiation, so only a peer that asks for these and does not read waits for itself.
task<> tls_link::flush_from_reader() {
  if (sending_.locked() || write_fault_ || write_torn_) co_return;
  const mutex::guard turn = co_await sending_.lock();
  tearing records(*this);
  records.encrypted();
  const buffer_lease out = engine_.take_output();
  const auto sent = co_await lower_.write_all(part(out.data(), out.size())).result();
  records.failed();
  if (!sent) write_fault_ = sent.error();
}

std::optional<error> tls_link::write_obstacle() const noexcept {
  if (closed_) return about(errc::closed, write_to);
  if (write_torn_) return about(errc::write_torn, write_to).with_count(torn_);
  if (shut_) return about(errc::closed, write_to).with_detail("its write side was shut down");
  if (write_fault_) return *write_fault_;
  if (engine_.failed()) return named(engine_.fault());
  return {};
}

std::optional<std::size_t> tls_link::encrypt(std::span<const part>& parts, std::size_t& offset,
                                             std::size_t most) noexcept {
  thread_local std::array<std::byte, largest_record> joined;
  std::size_t count = 0;
  std::size_t gathered = 0;
  const auto put_gathered = [&] {
    return engine_.write(std::span(joined).first(std::exchange(gathered, 0))) == tls_step::done;
  };
  while (!parts.empty() && count != most) {
    const part rest = parts.front().subspan(offset);
    std::size_t taken = std::min(rest.size(), most - count);
    if (taken >= worth_a_record && gathered == 0) {
      taken = std::min(taken, largest_record);
      if (engine_.write(rest.first(taken)) != tls_step::done) return {};
    } else {
      taken = std::min(taken, joined.size() - gathered);
      std::copy_n(rest.begin(), taken, joined.begin() + static_cast<std::ptrdiff_t>(gathered));
      gathered += taken;
      if (gathered == joined.size() && !put_gathered()) return {};
    }
    count += taken;
    offset += taken;
    if (offset == parts.front().size()) {
      parts = parts.subspan(1);
      offset = 0;
    }
  }
  if (!put_gathered()) return {};
  return count;
}

task<> tls_link::write(std::span<const part> parts, result<void>& outcome) {
  const mutex::guard turn = co_await sending_.lock();
  co_await wring::detail::checkpoint();  // once something is encrypted, it must go out
  tearing records(*this);
  std::size_t offset = 0;
  std::size_t left = 0;
  for (const part& each : parts) left += each.size();
  do {
    if (const auto e = write_obstacle()) {
      outcome = *e;
      co_return;
    }
    if (left == 0) co_return;
    const std::size_t size = std::min(left, most_at_once);
    if (const auto e = engine_.prepare(size)) {
      outcome = named(*e);
      co_return;
    }
    records.encrypted();
    const auto encrypted = encrypt(parts, offset, size);
    if (!encrypted) {
      records.failed();
      outcome = named(engine_.fault());
      co_return;
    }
    const buffer_lease out = engine_.take_output();
    const auto sent = co_await lower_.write_all(part(out.data(), out.size())).result();
    if (!sent) {
      records.failed();
      write_fault_ = sent.error();
      outcome = closed_ ? about(errc::closed, write_to) : *write_fault_;
      co_return;
    }
    records.written(*encrypted);
    left -= *encrypted;
  } while (left != 0);
}

std::size_t tls_link::try_write(std::span<const part> parts) noexcept {
  if (write_obstacle() || !net::detail::stream_access::queues(lower_)) return 0;
  mutex::guard turn = sending_.try_lock();
  if (!turn) return 0;
  std::size_t size = 0;
  for (const part& each : parts) size += each.size();
  size = std::min(size, most_at_once);
  if (size == 0 || engine_.prepare(size)) return 0;
  std::size_t offset = 0;
  const auto encrypted = encrypt(parts, offset, size);
  posted_ = engine_.take_output();
  const part bytes(posted_.data(), posted_.size());
  posted_.consume(lower_.try_write({&bytes, 1}));
  if (!posted_.empty()) {
    posting_ = std::move(turn);
    net::detail::stream_access::queue(lower_, *this);
  }
  return encrypted.value_or(0);
}

std::size_t tls_link::parts(std::span<part> into) noexcept {
  if (posted_.empty() || into.empty()) return 0;
  into[0] = part(posted_.data(), posted_.size());
  return 1;
}

void tls_link::written(std::size_t count) noexcept { posted_.consume(count); }

void tls_link::ended(const error* fault) noexcept {
  if (fault != nullptr) write_fault_ = *fault;
  if (!posted_.empty() && fault == nullptr) write_torn_ = true;
  posted_.reset();
  posting_.unlock();
}

task<> tls_link::say_goodbye() {
  const mutex::guard turn = co_await sending_.lock();
  co_await wring::detail::checkpoint();
  if (!write_obstacle()) static_cast<void>(engine_.shut_down());
  if (!engine_.has_output()) co_return;
  tearing records(*this);
  records.encrypted();
  const buffer_lease out = engine_.take_output();
  const auto sent = co_await lower_.write_all(part(out.data(), out.size())).result();
  records.failed();
  if (!sent) write_fault_ = sent.error();
}

task<> tls_link::shut_down_write() {
  if (shut_ && !closed_) co_return;
  co_await say_goodbye();
  if (shut_ && !closed_) co_return;
  if (const auto e = write_obstacle()) e->raise();
  shut_ = true;
  co_await lower_.shut_down_write();
}

task<> tls_link::close() {
  if (closed_) co_return;
  cut_off unless_closed(lower_);
  const bool writer_waits = sending_.locked() && !posting_;
  if (!writer_waits && !write_torn_ && !write_fault_ && (!shut_ || engine_.has_output())) {
    auto farewell = [&] { return say_goodbye(); };
    const auto said = co_await move_on_after(close_timeout, farewell).result();
    if (said && !*said) {
      closed_ = true;
      co_return;  // and the stream below is aborted
    }
  }
  closed_ = true;
  returned_.reset();
  unless_closed.done();
  co_await lower_.close();
}

void tls_link::abort() noexcept {
  closed_ = true;
  returned_.reset();
  lower_.abort();
}

}  // namespace wring::net::tls::detail
