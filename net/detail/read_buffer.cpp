// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <wring/net/detail/read_buffer.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t first_block = 2048;  // as large as the recycler's largest

}  // namespace

class read_buffer::occupied {
 public:
  explicit occupied(read_buffer& b) noexcept : buffer_(b) { buffer_.busy_ = true; }
  occupied(const occupied&) = delete;
  occupied& operator=(const occupied&) = delete;
  ~occupied() { buffer_.busy_ = false; }

 private:
  read_buffer& buffer_;
};

/// Puts bytes into the buffer that were read into the caller's memory and not delivered: the read failed, or its task
/// is being cancelled.
class read_buffer::unfinished {
 public:
  unfinished(read_buffer& b, std::span<const std::byte> memory) noexcept : buffer_(b), memory_(memory) {}
  unfinished(const unfinished&) = delete;
  unfinished& operator=(const unfinished&) = delete;
  ~unfinished() { buffer_.keep(memory_.first(count)); }

  std::size_t count = 0;

 private:
  read_buffer& buffer_;
  std::span<const std::byte> memory_;
};

std::optional<error> read_buffer::obstacle() const noexcept {
  if (!busy_ && !out_of_memory_) [[likely]]
    return {};
  const error e = busy_ ? error(errc::busy, "read from") : error::from_errno(ENOMEM, "read from");
  return e.with_address(stream.peer_address());
}

buffer_lease read_buffer::take() noexcept {
  block_.truncate(end_);
  block_.consume(begin_);
  begin_ = end_ = 0;
  ++takes_;
  return std::move(block_);
}

std::span<std::byte> read_buffer::room() {
  if (!own_ || end_ == block_.size()) {
    const std::span<const std::byte> kept = unread();
    if (own_ && begin_ >= kept.size()) {
      std::memcpy(block_.data(), kept.data(), kept.size());
    } else {
      // The rest of an incomplete item may take long to arrive: the stream's lease is returned.
      buffer_lease larger = buffer_lease::allocate(std::max(first_block, 2 * kept.size()));
      std::memcpy(larger.data(), kept.data(), kept.size());
      block_ = std::move(larger);
      own_ = true;
    }
    end_ -= std::exchange(begin_, 0);
  }
  return std::span<std::byte>(block_).subspan(end_);
}

bool read_buffer::unconsume(std::size_t count, std::uint32_t take) noexcept {
  if (busy_ || take != takes_ || count > begin_) return false;
  begin_ -= count;
  --takes_;
  return true;
}

void read_buffer::put_back(std::span<const std::byte> bytes) noexcept {
  if (!busy_) join(bytes, unread());
}

void read_buffer::put_back(buffer_lease&& all) noexcept {
  if (busy_ || begin_ != end_) return put_back(std::span<const std::byte>(all));
  block_ = std::move(all);
  own_ = false;
  begin_ = 0;
  end_ = block_.size();
}

void read_buffer::join(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
  if (first.size() + second.size() == unread().size()) return;
  try {
    buffer_lease larger = buffer_lease::allocate(first.size() + second.size());
    std::ranges::copy(first, larger.begin());
    std::ranges::copy(second, larger.begin() + first.size());
    block_ = std::move(larger);
    own_ = true;
    begin_ = 0;
    end_ = block_.size();
  } catch (const std::bad_alloc&) {
    out_of_memory_ = true;
  }
}

task<> read_buffer::fill(read_goal& goal) {
  const occupied here(*this);
  bool at_end = false;
  do {
    if (begin_ == end_) {
      static_cast<void>(take());  // nothing is held while waiting
      auto got = co_await stream.read_some().result();
      if (!got) co_return goal.fail(got.error());
      at_end = got->empty();
      block_ = std::move(*got);
      own_ = false;
      end_ = block_.size();
    } else {
      const std::span<std::byte> into = room();
      const auto got = co_await stream.read(into).result();
      if (!got) co_return goal.fail(got.error());
      at_end = *got == 0;
      end_ += *got;
    }
  } while (!goal.look(*this, at_end));
}

bool read_buffer::fill_at_once() noexcept {
  buffer_lease more = stream.try_read_some();
  if (more.empty()) return false;
  if (begin_ == end_) {
    static_cast<void>(take());
    put_back(std::move(more));
  } else {
    keep(more);
  }
  return !out_of_memory_;
}

task<> read_buffer::fill_directly(std::span<std::byte> into, std::size_t least, result<std::size_t>& count) {
  const occupied here(*this);
  const std::size_t before = unread().size();
  if (before == 0) static_cast<void>(take());
  std::ranges::copy(unread(), into.begin());
  unfinished direct(*this, into.subspan(before));
  do {
    const auto got = co_await stream.read(into.subspan(before + direct.count)).result();
    count = got;
    if (!got) co_return;
    direct.count += *got;
    count = before + direct.count;
    if (*got == 0) co_return;
  } while (before + direct.count < least);
  consume(before);
  direct.count = 0;
}

}  // namespace wring::net::detail
