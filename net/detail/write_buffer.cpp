// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <bit>

#include <wring/core/detail/awaiting/turn.hpp>
#include <wring/net/detail/write_buffer.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t first_block = 2048;  // as large as the recycler's largest
constexpr std::size_t second_block = std::size_t{16} * 1024;

}  // namespace

class write_buffer::occupied {
 public:
  explicit occupied(write_buffer& b) noexcept : buffer_(b) { buffer_.busy_ = true; }
  occupied(const occupied&) = delete;
  occupied& operator=(const occupied&) = delete;
  ~occupied() { buffer_.busy_ = false; }

 private:
  write_buffer& buffer_;
};

bool write_buffer::add(std::span<const std::byte> data) {
  if (data.size() > capacity_ - size_) return false;
  if (data.size() > block_.size() - size_) {
    const bool small = size_ == 0 && data.size() <= first_block;
    const std::size_t room = small ? first_block : std::max(second_block, std::bit_ceil(size_ + data.size()));
    buffer_lease larger = buffer_lease::allocate(std::min(room, capacity_));
    std::copy_n(block_.begin(), size_, larger.begin());
    block_ = std::move(larger);
  }
  std::ranges::copy(data, block_.begin() + size_);
  size_ += data.size();
  return true;
}

task<> write_buffer::write_out(std::span<const std::byte> data, result<void>& outcome) {
  const occupied here(*this);
  const std::array parts{std::span<const std::byte>(block_.data(), size_), data};
  outcome = co_await stream.write_all(std::span<const std::span<const std::byte>>(parts)).result();
  if (!outcome) co_return;
  block_.reset();
  size_ = 0;
}

bool buffered_write::begin_await(wring::detail::flow& f) {
  if (f.cancelled()) [[unlikely]] {
    f.request_unwind();
    return false;
  }
  if (f.budget == 0) [[unlikely]]
    return slow_.begin_await(f, [this] { return begin_in_turn(); });
  if (ends_at_once()) {
    --f.budget;
    return true;
  }
  return slow_.begin_await(f, [this] { return buffer_.write_out(data_, outcome_); });
}

bool buffered_write::ends_at_once() {
  if (buffer_.busy()) [[unlikely]] {
    outcome_ = error(errc::busy, "write to").with_address(buffer_.stream.peer_address());
    return true;
  }
  return flush_ ? buffer_.size() == 0 : buffer_.add(data_);
}

// After others had their turn: as many writes as may have ended at once.
task<> buffered_write::begin_in_turn() {
  co_await wring::detail::turn();
  if (ends_at_once()) co_return;
  co_await buffer_.write_out(data_, outcome_);
}

}  // namespace wring::net::detail
