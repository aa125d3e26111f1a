// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/turn.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/task_slot.hpp>
#include <wring/net/stream.hpp>

namespace wring::net::detail {

class read_buffer;

/// What a read waits for. It checks the buffer repeatedly until it is satisfied.
class read_goal {
 public:
  /// True: the outcome is there. Always so `at_end` of the stream.
  virtual bool look(read_buffer& buffer, bool at_end) noexcept = 0;
  virtual void fail(const error& e) noexcept = 0;

 protected:
  ~read_goal() = default;
};

/// The bytes that a reader has received and not given away. They are in a lease of the stream's as long as that does,
/// otherwise in a block of the reader's own; an empty buffer holds no memory once the next read begins.
class WRING_API read_buffer {
 public:
  explicit read_buffer(stream_ref s) noexcept : stream(s) {}
  read_buffer(const read_buffer&) = delete;
  read_buffer& operator=(const read_buffer&) = delete;

  [[nodiscard]] std::span<const std::byte> unread() const noexcept { return {block_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(block_.data()) + begin_, end_ - begin_};
  }
  /// The bytes stay where they are until the buffer is filled again.
  void consume(std::size_t count) noexcept {
    begin_ += count;
    ++takes_;
  }
  /// How often bytes have been taken. Tells whether those taken last are still the last.
  [[nodiscard]] std::uint32_t takes() const noexcept { return takes_; }
  /// Takes consume(count) back, after which takes() was `take`; false if the bytes are no longer there.
  bool unconsume(std::size_t count, std::uint32_t take) noexcept;
  /// Puts bytes that were taken in front again. While another task fills the buffer that is impossible.
  void put_back(std::span<const std::byte> bytes) noexcept;
  void put_back(buffer_lease&& all) noexcept;
  /// Releases everything to the caller.
  [[nodiscard]] buffer_lease take() noexcept;

  /// Why nothing can be read now.
  [[nodiscard]] std::optional<error> obstacle() const noexcept;

  /// Reads until the goal is content.
  task<> fill(read_goal& goal);

  /// Adds a piece of what the stream has received ahead. False: there is nothing, or no memory to keep it.
  bool fill_at_once() noexcept;

  /// Reads past the buffer into `into`, after what is in the buffer, until there are `least` bytes or the stream ends.
  /// `count` says how many there are then. Fewer than `least` stay in the buffer instead.
  task<> fill_directly(std::span<std::byte> into, std::size_t least, result<std::size_t>& count);

  stream_ref stream;

 private:
  class occupied;
  class unfinished;

  [[nodiscard]] std::span<std::byte> room();
  void keep(std::span<const std::byte> bytes) noexcept { join(unread(), bytes); }
  void join(std::span<const std::byte> first, std::span<const std::byte> second) noexcept;

  buffer_lease block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint32_t takes_ = 0;
  bool own_ = false;   // whose the block is
  bool busy_ = false;  // a task is filling it
  bool out_of_memory_ = false;
};

/// Base of the operations of a reader: ends at once if the buffer has what is wanted, runs a task otherwise.
template <class Derived, class T>
class buffered_read : public read_goal {
 public:
  using value_type = T;

  explicit buffered_read(read_buffer& b) noexcept : buffer_(b) {}
  buffered_read(const buffered_read&) = delete;
  buffered_read& operator=(const buffered_read&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<Derived>(static_cast<Derived&>(*this)); }

  bool begin_await(wring::detail::flow& f) {
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
    return slow_.begin_await(f, [this] { return static_cast<Derived&>(*this).run(buffer_); });
  }
  T take() {
    slow_.rethrow();
    return outcome_->take();
  }
  wring::result<T> take_result() {
    slow_.rethrow();
    return std::move(*outcome_);
  }

  task<> run(read_buffer& buffer) { return buffer.fill(*this); }
  void fail(const error& e) noexcept final { outcome_.emplace(e); }

  template <class Value>
  void put_back(Value& value) noexcept
    requires requires(Derived& self) { self.give_back(std::declval<read_buffer&>(), value); }
  {
    static_cast<Derived&>(*this).give_back(buffer_, value);
  }

 protected:
  ~buffered_read() = default;

  /// Takes bytes from the buffer for the outcome.
  void consume(read_buffer& buffer, std::size_t count) noexcept {
    buffer.consume(count);
    taken_ = count;
    take_ = buffer.takes();
  }
  /// Takes that back; false if the bytes are no longer in the buffer.
  bool untake(read_buffer& buffer) noexcept { return buffer.unconsume(taken_, take_); }

  /// Ends with a value.
  template <class... Value>
  bool end(Value&&... value) noexcept {
    return outcome_.emplace(std::forward<Value>(value)...), true;
  }
  /// Ends with an error.
  bool end_with(const read_buffer& buffer, errc code, std::size_t count) noexcept {
    fail(error(code, "read from").with_address(buffer.stream.peer_address()).with_count(count));
    return true;
  }

  std::optional<wring::result<T>> outcome_;

 private:
  bool ends_at_once() noexcept {
    if (const std::optional<error> e = buffer_.obstacle()) [[unlikely]] {
      fail(*e);
      return true;
    }
    return static_cast<Derived&>(*this).look(buffer_, false);
  }
  /// After others had their turn: as many reads as may have ended at once.
  task<> begin_in_turn() {
    co_await wring::detail::turn();
    if (ends_at_once()) co_return;
    co_await static_cast<Derived&>(*this).run(buffer_);
  }

  read_buffer& buffer_;
  std::size_t taken_ = 0;
  std::uint32_t take_ = 0;
  task_slot slow_;
};

}  // namespace wring::net::detail
