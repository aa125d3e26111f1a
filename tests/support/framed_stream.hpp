// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <wring/core/sync/mutex.hpp>
#include <wring/core/task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/stream.hpp>

namespace wring::tests {

/// A stream over another one, of the shape of TLS: bytes go in scrambled frames of at most 4 KiB behind their length, a
/// frame of none is the end of the stream, and an end without it is an error.
class framed_stream {
 public:
  explicit framed_stream(net::any_stream inner) : inner_(std::move(inner)), in_(inner_) {}

  task<buffer_lease> read_some() {
    const busy_guard reading(reading_, "read from a framed stream");
    if (unread_.empty()) co_await next_frame();
    co_return std::move(unread_);
  }

  task<std::size_t> read(std::span<std::byte> into) {
    if (into.empty()) co_return 0U;
    const busy_guard reading(reading_, "read from a framed stream");
    if (unread_.empty()) co_await next_frame();
    const std::size_t count = std::min(into.size(), unread_.size());
    std::copy_n(unread_.begin(), count, into.begin());
    unread_.consume(count);
    co_return count;
  }

  task<> write_all(std::span<const std::byte> data) {
    const mutex::guard turn = co_await writing_.lock();
    check_writable();
    tear_guard frames(torn_);
    while (!data.empty()) {
      const auto part = data.first(std::min(data.size(), largest));
      co_await write_frame(part);
      data = data.subspan(part.size());
      frames.written(part.size(), !data.empty());
    }
  }

  task<> write_all(std::span<const std::span<const std::byte>> parts) {
    std::vector<std::byte> all;
    for (const auto part : parts) all.insert(all.end(), part.begin(), part.end());
    co_await write_all(all);
  }

  task<> shut_down_write() {
    const mutex::guard turn = co_await writing_.lock();
    if (shut_) co_return;
    check_writable();
    co_await write_frame({});
    shut_ = true;
  }

  /// Ends the stream properly if that can be done soon, and closes the one below.
  task<> close() {
    if (std::exchange(closed_, true)) co_return;
    if (!shut_ && torn_ == 0 && !writing_.locked()) {
      const mutex::guard turn = co_await writing_.lock();
      auto say_goodbye = [&] { return write_frame({}); };
      static_cast<void>(co_await move_on_after(std::chrono::milliseconds(100), say_goodbye).result());
    }
    co_await inner_.close();
  }

  void abort() noexcept {
    closed_ = true;
    inner_.abort();
  }

 private:
  static constexpr std::size_t largest = 4096;

  class busy_guard {
   public:
    busy_guard(bool& flag, const char* operation) : flag_(flag) {
      if (std::exchange(flag_, true)) error(errc::busy, operation).raise();
    }
    busy_guard(const busy_guard&) = delete;
    busy_guard& operator=(const busy_guard&) = delete;
    ~busy_guard() { flag_ = false; }

   private:
    bool& flag_;
  };

  /// Notes a write that ends between two of its frames.
  class tear_guard {
   public:
    explicit tear_guard(std::size_t& torn) noexcept : torn_(torn) {}
    tear_guard(const tear_guard&) = delete;
    tear_guard& operator=(const tear_guard&) = delete;
    ~tear_guard() {
      if (more_) torn_ = written_;
    }
    void written(std::size_t count, bool more) noexcept {
      written_ += count;
      more_ = more;
    }

   private:
    std::size_t& torn_;
    std::size_t written_ = 0;
    bool more_ = false;
  };

  void check_writable() const {
    if (closed_ || shut_) error(errc::closed, "write to a framed stream").raise();
    if (torn_ != 0) error(errc::write_torn, "write to a framed stream").with_count(torn_).raise();
  }

  task<> write_frame(std::span<const std::byte> payload) {
    std::array<std::byte, 2 + largest> frame;
    frame[0] = static_cast<std::byte>(payload.size() >> 8);
    frame[1] = static_cast<std::byte>(payload.size());
    std::ranges::transform(payload, frame.begin() + 2, scramble);
    co_await inner_.write_all(std::span<const std::byte>(frame).first(2 + payload.size()));
  }

  /// Fills unread_, or finds the end. Nothing of a frame is taken before all of it is there.
  task<> next_frame() {
    if (closed_) error(errc::closed, "read from a framed stream").raise();
    if (ended_) co_return;
    const auto header = co_await in_.peek(2);
    if (header.size() < 2) error(errc::unexpected_eof, "read from a framed stream").raise();
    const std::size_t length = std::to_integer<std::size_t>(header[0]) << 8 | std::to_integer<std::size_t>(header[1]);
    const auto frame = co_await in_.read_exactly(2 + length);
    ended_ = length == 0;
    unread_ = buffer_lease::copy_of(frame.subspan(2));
    std::ranges::transform(unread_, unread_.begin(), scramble);
  }

  static std::byte scramble(std::byte b) noexcept { return b ^ std::byte{0x5a}; }

  net::any_stream inner_;
  net::reader in_;
  mutex writing_;
  buffer_lease unread_;
  std::size_t torn_ = 0;
  bool reading_ = false;
  bool ended_ = false;
  bool shut_ = false;
  bool closed_ = false;
};

}  // namespace wring::tests
