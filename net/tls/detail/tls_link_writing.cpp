// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <utility>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/flows/leaving.hpp>
#include <wring/net/tls/detail/tls_link.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr const char* write_to = "write to";
/// What is encrypted before it is written to the stream below, in one write.
constexpr std::size_t most_at_once = std::size_t{64} * 1024;
constexpr std::size_t largest_record = std::size_t{16} * 1024;
/// Pieces below this are joined to a record; larger ones are encrypted where they are.
constexpr std::size_t worth_a_record = std::size_t{4} * 1024;

using part = std::span<const std::byte>;

}  // namespace

/// Notes that records which were encrypted have not been written: then nothing can follow them.
class tls_link::tearing {
 public:
  explicit tearing(tls_link& l) noexcept : link_(l) {}
  tearing(const tearing&) = delete;
  tearing& operator=(const tearing&) = delete;
  ~tearing() {
    if (!unwritten_) return;
    link_.fail_writing(link_.about(errc::write_torn, write_to).with_count(written_));
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

std::optional<error> tls_link::write_obstacle() const noexcept {
  if (closed_) return about(errc::closed, write_to);
  if (write_failed_) return write_fault_;
  if (shut_) return about(errc::closed, write_to).with_detail("its write side was shut down");
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
      fail_writing(sent.error());
      outcome = closed_ ? about(errc::closed, write_to) : write_fault_;
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
  post_output(std::move(turn));
  return encrypted.value_or(0);
}

void tls_link::post_output(mutex::guard turn) noexcept {
  posted_ = engine_.take_output();
  const part bytes(posted_.data(), posted_.size());
  posted_.consume(lower_.try_write({&bytes, 1}));
  if (posted_.empty()) return posted_.reset();
  posting_ = std::move(turn);
  net::detail::stream_access::queue(lower_, *this);
}

std::size_t tls_link::parts(std::span<part> into) noexcept {
  if (posted_.empty() || into.empty()) return 0;
  into[0] = part(posted_.data(), posted_.size());
  return 1;
}

void tls_link::written(std::size_t count) noexcept { posted_.consume(count); }

void tls_link::ended(const error* fault) noexcept {
  if (fault != nullptr) fail_writing(*fault);
  if (!posted_.empty() && fault == nullptr) fail_writing(about(errc::write_torn, write_to).with_count(0));
  posted_.reset();
  posting_.unlock();
}

task<> tls_link::flush() {
  tearing records(*this);
  records.encrypted();
  const buffer_lease out = engine_.take_output();
  const auto sent = co_await lower_.write_all(part(out.data(), out.size())).result();
  records.failed();
  if (!sent) fail_writing(sent.error());
}

// Over a stream that is none of the library's this waits until there is room: what reading puts out is little, so only
// a peer that does not read anything waits for itself.
task<> tls_link::flush_from_reader() {
  if (sending_.locked() || write_failed_) co_return;
  if (net::detail::stream_access::queues(lower_)) {
    post_output(sending_.try_lock());
    co_return;
  }
  const mutex::guard turn = co_await sending_.lock();
  co_await flush();
}

task<> tls_link::say_goodbye() {
  const mutex::guard turn = co_await sending_.lock();
  co_await wring::detail::checkpoint();
  if (!write_obstacle() && engine_.shut_down() == tls_step::done) shut_ = true;  // before the next writer has its turn
  if (engine_.has_output() && !write_failed_) co_await flush();
}

task<> tls_link::shut_down_write() {
  if (!shut_) co_await say_goodbye();
  if (closed_ || write_failed_ || !shut_) write_obstacle()->raise();
  co_await lower_.shut_down_write();
}

void tls_link::say_at_once() noexcept {
  if (!established_ || closed_ || write_failed_) return;
  // To a peer of a task that has failed or was cancelled what it has got must not look complete.
  if (!shut_ && !engine_.failed() && !wring::detail::leaving_early()) static_cast<void>(engine_.shut_down());
  if (!engine_.has_output()) return;
  const buffer_lease last = engine_.take_output();
  const part bytes(last.data(), last.size());
  static_cast<void>(lower_.try_write({&bytes, 1}));
}

}  // namespace wring::net::tls::detail
