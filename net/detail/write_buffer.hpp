// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>
#include <wring/net/detail/task_slot.hpp>
#include <wring/net/stream.hpp>

namespace wring::net::detail {

/// What a writer has been given and not passed on.
class WRING_API write_buffer {
 public:
  write_buffer(stream_ref s, std::size_t capacity) noexcept : stream(s), capacity_(capacity) {}
  write_buffer(const write_buffer&) = delete;
  write_buffer& operator=(const write_buffer&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool busy() const noexcept { return busy_; }
  /// Takes a copy, if there is room for it. Throws std::bad_alloc.
  [[nodiscard]] bool add(std::span<const std::byte> data);
  /// Writes what is kept, and then `data`.
  task<> write_out(std::span<const std::byte> data, result<void>& outcome);

  stream_ref stream;

 private:
  class occupied;

  std::size_t capacity_;
  buffer_lease block_;
  std::size_t size_ = 0;
  bool busy_ = false;
};

/// writer::write and flush: ends at once if there is room, or nothing to do; runs a task otherwise.
class WRING_API buffered_write {
 public:
  using value_type = void;

  buffered_write(write_buffer& b, std::span<const std::byte> data, bool flush) noexcept
      : buffer_(b), data_(data), flush_(flush) {}
  buffered_write(const buffered_write&) = delete;
  buffered_write& operator=(const buffered_write&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<buffered_write>(*this); }

  bool begin_await(wring::detail::flow& f);
  void take() { take_result().value(); }
  wring::result<void> take_result() {
    slow_.rethrow();
    return outcome_;
  }

 private:
  bool ends_at_once();
  task<> begin_in_turn();

  write_buffer& buffer_;
  std::span<const std::byte> data_;
  bool flush_;
  wring::result<void> outcome_;
  task_slot slow_;
};

}  // namespace wring::net::detail
