// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/net/tls/detail/tls_link.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr const char* read_from = "read from";
/// What is decrypted and not taken.
constexpr std::size_t most_ahead = std::size_t{64} * 1024;
/// Larger pieces are in blocks of the scheduler's.
constexpr std::size_t worth_a_block = 2048;

buffer_lease memory_for(std::size_t size) {
  if (size > worth_a_block) {
    if (auto block = scheduler::current().blocks().try_acquire(size)) {
      block->truncate(size);
      return std::move(*block);
    }
  }
  return buffer_lease::allocate(size);
}

}  // namespace

class tls_link::occupied {
 public:
  explicit occupied(tls_link& l) noexcept : link_(l) { link_.reading_ = true; }
  occupied(const occupied&) = delete;
  occupied& operator=(const occupied&) = delete;
  ~occupied() {
    link_.reading_ = false;
    if (link_.engine_.has_sessions()) link_.keep_sessions();
    if (link_.observer_ != nullptr) link_.resume_watching();
  }

 private:
  tls_link& link_;
};

std::optional<error> tls_link::read_obstacle() const noexcept {
  if (closed_) return about(errc::closed, read_from);
  if (out_of_memory_) return named(error::from_errno(ENOMEM, read_from));
  return {};
}

error tls_link::lost_bytes() noexcept {
  out_of_memory_ = true;
  ahead_.clear();
  return named(error::from_errno(ENOMEM, read_from));
}

std::optional<error> tls_link::read_fault(tls_step step) noexcept {
  engine_.release_input();
  // Nobody waits for the alert to go out: close() and the destructor send what is left.
  if (step == tls_step::failed) return named(engine_.fault());
  if (step == tls_step::ended) input_ended_ = true;
  if (step == tls_step::wants_input && truncated_) return about(errc::tls_truncated, read_from);
  return {};
}

// Small records are read at once, and copied. Of a larger one that has OpenSSL decrypt it, and then it knows how much
// there is.
std::optional<result<buffer_lease>> tls_link::decrypt() noexcept {
  if (input_ended_) return result<buffer_lease>();
  std::array<std::byte, worth_a_block> first;
  std::size_t begun = 0;
  const tls_step step = engine_.read(first, begun);
  if (step != tls_step::done) {
    if (const auto e = read_fault(step)) return result<buffer_lease>(*e);
    if (input_ended_) return result<buffer_lease>();
    return {};
  }
  const std::size_t rest = engine_.pending();
  engine_.release_input();
  try {
    buffer_lease bytes = memory_for(begun + rest);
    std::copy_n(first.begin(), begun, bytes.data());
    if (rest != 0) {
      std::size_t count = 0;
      const tls_step more = engine_.read(std::span<std::byte>(bytes).subspan(begun), count);
      if (more != tls_step::done) return result<buffer_lease>(named(engine_.fault()));
      bytes.truncate(begun + count);
      engine_.release_input();
    }
    return result<buffer_lease>(std::move(bytes));
  } catch (const std::bad_alloc&) {
    return result<buffer_lease>(lost_bytes());
  }
}

std::optional<result<buffer_lease>> tls_link::decrypt_received() noexcept {
  for (;;) {
    auto next = decrypt();
    if (next) return next;
    buffer_lease received = lower_.try_read_some();
    if (received.empty()) return {};
    engine_.feed(std::move(received));
  }
}

std::optional<result<buffer_lease>> tls_link::take() noexcept {
  if (const auto e = read_obstacle()) return result<buffer_lease>(*e);
  if (ahead_.empty()) return decrypt();
  result<buffer_lease> taken(ahead_.pop());
  if (ahead_.empty()) look_ahead();
  return taken;
}

std::optional<result<std::size_t>> tls_link::take(std::span<std::byte> into) noexcept {
  if (const auto e = read_obstacle()) return result<std::size_t>(*e);
  if (into.empty()) return result<std::size_t>(0U);
  if (!ahead_.empty()) {
    const std::size_t taken = ahead_.pop(into);
    if (ahead_.empty()) look_ahead();
    return result<std::size_t>(taken);
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

void tls_link::give_back(buffer_lease&& bytes) noexcept {
  if (bytes.empty() || closed_ || out_of_memory_) return;
  if (!ahead_.put_back(std::move(bytes))) return static_cast<void>(lost_bytes());
  if (observer_ != nullptr && !reading_) observer_->arrived();
}

void tls_link::give_back(std::span<const std::byte> bytes) noexcept {
  try {
    give_back(buffer_lease::copy_of(bytes));
  } catch (const std::bad_alloc&) {
    static_cast<void>(lost_bytes());
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

// The observer is not told of what is behind these bytes, before they are returned: whoever wants it calls this again.
buffer_lease tls_link::try_read_some() noexcept {
  if (reading_ || read_obstacle()) return {};
  if (!ahead_.empty()) return ahead_.pop();
  auto next = decrypt_received();
  if (!next || !*next) return {};  // the next read tells
  return std::move(**next);
}

std::size_t tls_link::received_ahead() noexcept {
  if (reading_ || read_obstacle()) return 0;
  while (ahead_.weight() < most_ahead) {
    auto next = decrypt_received();
    if (!next || !*next || (*next)->empty()) break;
    if (!ahead_.push(std::move(**next))) {
      static_cast<void>(lost_bytes());
      break;
    }
  }
  return ahead_.bytes();
}

// The observer.

// Its calls may take it away, watch again and abort.
void tls_link::look_ahead() noexcept {
  while (observer_ != nullptr && !reading_ && ahead_.weight() < most_ahead) {
    auto next = decrypt_received();
    if (!next) {
      if (!sending_.locked()) engine_.free_buffers();
      return;
    }
    if (!*next) {
      const error e = next->error();
      return tell_end(&e);
    }
    if ((*next)->empty()) return tell_end(nullptr);
    if (!ahead_.push(std::move(**next))) {
      const error e = lost_bytes();
      return tell_end(&e);
    }
    observer_->arrived();
  }
}

void tls_link::tell_end(const error* fault) noexcept {
  if (observer_ != nullptr && !std::exchange(end_told_, true)) observer_->ended(fault);
}

void tls_link::lower_ended(const error* fault) noexcept {
  if (observer_ == nullptr || reading_) {
    missed_end_ = true;
    return;
  }
  look_ahead();
  if (fault == nullptr && ahead_.weight() < most_ahead && lower_.received_ahead() == 0) {
    // All of it was looked at, and the peer's message is not in it.
    const error e = about(errc::tls_truncated, read_from);
    tell_end(&e);
  } else {
    tell_end(fault);
  }
}

void tls_link::resume_watching() noexcept {
  look_ahead();
  if (observer_ != nullptr && std::exchange(missed_end_, false)) lower_.watch(&below_);  // is told once more
}

bool tls_link::watch(stream_observer* observer) noexcept {
  if (closed_) return false;
  observer_ = nullptr;
  end_told_ = false;
  missed_end_ = false;
  observed_ = lower_.watch(observer != nullptr ? &below_ : nullptr) && observer != nullptr;
  if (observer == nullptr) return true;
  if (!observed_) return false;
  observer_ = observer;
  if (reading_) return true;
  if (!ahead_.empty()) observer_->arrived();
  if (observer_ != nullptr) resume_watching();
  return true;
}

}  // namespace wring::net::tls::detail
