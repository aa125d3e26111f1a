// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/result.hpp>
#include <wring/net/files/detail/pipe_state.hpp>

namespace wring::net::detail {

/// A wait for one end of a pipe. What was opened here is polled, and read or written at once; with somebody else's
/// file, which always is ready, an operation of the engine does it.
class WRING_API pipe_wait : public awaiter, protected operation {
 public:
  void cancel() noexcept override { stop(); }
  [[nodiscard]] wait_description describe() const noexcept override;
  /// Has the operation end.
  void stop() noexcept;

 protected:
  /// `s` is null if there is no pipe.
  pipe_wait(pipe_end_state* s, const char* text) noexcept;

  /// For ready(): whether it is closed; the fault is set.
  [[nodiscard]] bool refused() noexcept;
  void poll_for(unsigned events) noexcept;
  void transfer(op_code what, std::byte* memory, std::size_t size) noexcept;
  void fail(int number) noexcept { fault_ = end_->fault(number, text_); }
  void fail(errc what) noexcept { fault_ = end_->fault(what, text_); }
  [[nodiscard]] bool attempts() const noexcept {
    return end_->access == wring::detail::pipe_access::own || end_->access == wring::detail::pipe_access::socket;
  }

  pipe_end_state* end_;
  std::optional<error> fault_;
  bool polling_ = false;

 private:
  /// The operation has ended with a value, or -errno.
  virtual void ended(std::int32_t value) noexcept = 0;
  void begin() noexcept;

  const char* text_;
};

/// Reads, a lease or into a span. Returning.
template <class T>
class WRING_API pipe_read_wait final : public leaf<pipe_read_wait<T>, T, pipe_wait> {
  using base = leaf<pipe_read_wait<T>, T, pipe_wait>;

 public:
  explicit pipe_read_wait(pipe_read_state* s, std::span<std::byte> into = {}) noexcept;

  bool ready() noexcept;
  void suspend() noexcept;
  T take();
  wring::result<T> take_result() noexcept;
  /// The next read returns them again.
  void put_back(T& value) noexcept;

 private:
  static constexpr bool leases = !std::is_same_v<T, std::size_t>;

  void ended(std::int32_t value) noexcept override;
  [[nodiscard]] pipe_read_state& state() const noexcept { return static_cast<pipe_read_state&>(*this->end_); }
  [[nodiscard]] bool take_front() noexcept;
  /// Whether there is an outcome.
  [[nodiscard]] bool attempt() noexcept;
  [[nodiscard]] bool find_memory() noexcept;
  void store(std::int32_t value) noexcept;
  void give_back() noexcept;

  std::span<std::byte> into_;
  std::size_t count_ = 0;
  buffer_lease lease_;
};

extern template class WRING_API pipe_read_wait<buffer_lease>;
extern template class WRING_API pipe_read_wait<std::size_t>;

/// Writes all bytes, or marks the end, when its turn comes. Delivering.
class WRING_API pipe_write_wait final : public leaf<pipe_write_wait, void, pipe_wait> {
 public:
  using part = std::span<const std::byte>;

  /// The end.
  explicit pipe_write_wait(pipe_write_state* s) noexcept;
  pipe_write_wait(pipe_write_state* s, part bytes) noexcept;
  pipe_write_wait(pipe_write_state* s, std::span<const part> parts) noexcept;

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override;
  void take() const {
    if (fault_) fault_->raise();
  }
  wring::result<void> take_result() const noexcept;

 private:
  friend struct pipe_write_state;

  void ended(std::int32_t value) noexcept override;
  [[nodiscard]] pipe_write_state& state() const noexcept { return static_cast<pipe_write_state&>(*end_); }
  /// Whether it cannot be done; the fault is set.
  [[nodiscard]] bool impossible() noexcept;
  /// Its turn has come. Whether it is over.
  [[nodiscard]] bool begin_turn() noexcept;
  [[nodiscard]] bool attempt() noexcept;
  [[nodiscard]] bool proceed() noexcept;
  void wrote(std::size_t count) noexcept;
  void end_writing() noexcept;

  part single_;
  std::span<const part> parts_;
  std::size_t skip_ = 0;  // bytes of the first part that are written
  bool ends_ = false;
  bool begun_ = false;
  pipe_write_wait* before_ = nullptr;
  pipe_write_wait* after_ = nullptr;
};

/// Closes one end or two, and waits for what is under way on them.
class WRING_API pipe_close_wait final : public leaf<pipe_close_wait, void> {
 public:
  explicit pipe_close_wait(pipe_end_state* one, pipe_end_state* other = nullptr) noexcept : one_(one), other_(other) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::result<void> take_result() noexcept { return {}; }
  [[nodiscard]] wait_description describe() const noexcept override { return {.operation = "close a pipe"}; }
  static constexpr bool cancellable = false;

  /// One of them is closed.
  void closed() noexcept;

 private:
  pipe_end_state* one_;
  pipe_end_state* other_;
  unsigned left_ = 0;
};

}  // namespace wring::net::detail
