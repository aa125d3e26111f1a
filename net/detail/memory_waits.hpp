// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/operand.hpp>
#include <wring/core/detail/timer_wheel.hpp>
#include <wring/core/detail/wait_list.hpp>
#include <wring/core/engine/buffer_pool.hpp>
#include <wring/core/result.hpp>

namespace wring::net {

class memory_stream;

namespace detail {

class memory_pipe;
struct memory_link;

/// A task that waits for bytes of a memory_pipe; the timer is for those under way.
class WRING_API memory_reader : public wring::detail::timer {
 public:
  /// There are some, or reading has ended.
  virtual void arrived() noexcept = 0;

 protected:
  explicit memory_reader(memory_pipe* p) noexcept;
  ~memory_reader() = default;

  memory_pipe* pipe_;
};

/// Reads from a memory_pipe, a lease or into a span.
template <class T>
class WRING_API memory_read final : public leaf<memory_read<T>, T>, memory_reader {
 public:
  explicit memory_read(memory_pipe* p, std::span<std::byte> into = {}) noexcept : memory_reader(p), into_(into) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void stop() noexcept override;
  T resume() { return outcome_->take(); }
  wring::result<T> resume_result() noexcept { return std::move(*outcome_); }
  void put_back(T& taken) noexcept;
  wait_description describe() const noexcept override { return {.operation = "read from a memory stream"}; }

 private:
  void arrived() noexcept override;
  bool attempt() noexcept;

  std::span<std::byte> into_;
  std::optional<wring::result<T>> outcome_;
};

extern template class WRING_API memory_read<buffer_lease>;
extern template class WRING_API memory_read<std::size_t>;

/// Writes to a memory_pipe when those before it have done so, and then, if it is to `shut`, ends the stream.
class WRING_API memory_write final : public leaf<memory_write, void>, public wring::detail::wait_link {
 public:
  memory_write(memory_pipe* p, std::span<const std::byte> first, std::span<const std::span<const std::byte>> others,
               bool shut) noexcept
      : pipe_(p), first_(first), others_(others), shut_(shut) {}

  bool ready() noexcept;
  void suspend() noexcept;
  void stop() noexcept override;
  void resume() const { outcome_.value(); }
  wring::result<void> resume_result() const noexcept { return outcome_; }
  wait_description describe() const noexcept override { return {.operation = "write to a memory stream"}; }

  /// Writes what there is room for. True: it has ended.
  bool advance() noexcept;
  void finish() noexcept { complete(); }

 private:
  memory_pipe* pipe_;
  std::span<const std::byte> first_;
  std::span<const std::span<const std::byte>> others_;
  std::size_t written_ = 0;
  bool shut_;
  wring::result<void> outcome_;
};

class WRING_API memory_close final : public leaf<memory_close, void> {
 public:
  explicit memory_close(memory_stream& s) noexcept : stream_(&s) {}

  bool ready() noexcept;
  void suspend() noexcept {}
  void stop() noexcept override {}
  void resume() noexcept {}
  wring::result<void> resume_result() noexcept { return {}; }
  wait_description describe() const noexcept override { return {.operation = "close a memory stream"}; }
  static constexpr bool cancellable = false;

 private:
  memory_stream* stream_;
};

}  // namespace detail
}  // namespace wring::net
