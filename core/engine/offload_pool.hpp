// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <wring/core/engine/engine.hpp>

namespace wring::detail {

/// A few threads for the operations on files, whose system calls may block: open, read, write, sync. They start when
/// they are first needed.
class offload_pool {
 public:
  static constexpr unsigned most_threads = 4;
  using ended = std::pair<operation*, std::int32_t>;

  /// Every operation that ends is announced with `announce(argument)`, from its thread.
  offload_pool(void (*announce)(void*) noexcept, void* argument) noexcept;
  offload_pool(const offload_pool&) = delete;
  offload_pool& operator=(const offload_pool&) = delete;
  /// No operation may be left.
  ~offload_pool();

  /// Queues `op`. Returns 0, or -EAGAIN or -ENOMEM if that is not possible.
  [[nodiscard]] int begin(operation& op) noexcept;

  /// Takes `op` back if no thread has begun it.
  [[nodiscard]] bool withdraw(operation& op) noexcept;

  /// What has ended since the last call; valid until the next one. Cheap if nothing has.
  [[nodiscard]] std::span<const ended> collect() noexcept;

  [[nodiscard]] std::size_t threads() const noexcept { return threads_.size(); }

 private:
  void work() noexcept;
  [[nodiscard]] bool start_thread() noexcept;

  void (*announce_)(void*) noexcept;
  void* argument_;
  std::size_t begun_ = 0;  // and not collected

  std::mutex mutex_;
  std::condition_variable wanted_;
  operation* first_ = nullptr;  // queued, by operation::next
  operation* last_ = nullptr;
  unsigned queued_ = 0;
  unsigned idle_ = 0;
  bool stopping_ = false;
  std::vector<ended> done_;

  std::vector<ended> collected_;
  std::vector<std::thread> threads_;
};

}  // namespace wring::detail
