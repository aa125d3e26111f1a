// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>

#include <wring/core/detail/export.hpp>

namespace wring {
class scheduler;
}

namespace wring::detail {

class callback_state;

/// Where completion callbacks that are called on other threads leave what they were called with. It takes no room in
/// the scheduler's inbox, and cannot be full: it links the callbacks' own blocks. It outlives its scheduler as long as
/// there are callbacks.
class WRING_API callback_box {
 public:
  explicit callback_box(scheduler& home) noexcept : home_(home) {}
  callback_box(const callback_box&) = delete;
  callback_box& operator=(const callback_box&) = delete;

  /// Any thread. False if the scheduler has been destroyed. Otherwise takes over a reference to `s`.
  [[nodiscard]] bool push(callback_state& s) noexcept;

  /// Any thread. Whether this is the scheduler's, and the scheduler exists.
  [[nodiscard]] bool at_home() noexcept;
  /// The scheduler's thread. Whether deliver() would find something. push() tells the scheduler when that changes.
  [[nodiscard]] bool waiting() const noexcept { return waiting_.load(std::memory_order_seq_cst); }
  /// The scheduler's thread. Fires the deferreds of up to `limit` callbacks, in the order of the calls.
  void deliver(std::size_t limit) noexcept;
  /// The scheduler's thread. Fails the deferreds of all callbacks that were not called, and returns whether there was
  /// one.
  bool drop_outstanding() noexcept;
  /// The scheduler's thread: it is being destroyed.
  void close() noexcept;

 private:
  friend class callback_state;

  std::mutex mutex_;
  bool closed_ = false;
  callback_state* first_ = nullptr;
  callback_state* last_ = nullptr;
  std::atomic<bool> waiting_ = false;
  scheduler& home_;

  // The scheduler's thread alone.
  callback_state* taken_ = nullptr;
  callback_state* outstanding_ = nullptr;
};

/// What the copies of a completion callback share, up to the type of its values. The copies together have one reference
/// to it, its scheduler has one as long as the deferred was not fired.
class WRING_API callback_state {
 public:
  callback_state(const callback_state&) = delete;
  callback_state& operator=(const callback_state&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) free_block();
  }
  void copy_made() noexcept { copies_.fetch_add(1, std::memory_order_relaxed); }
  void copy_gone() noexcept {
    if (copies_.fetch_sub(1, std::memory_order_acq_rel) == 1) last_copy_gone();
  }

  /// Any thread. True: this is the first call. Otherwise logs that it is not.
  [[nodiscard]] bool claim() noexcept;
  /// The scheduler's thread: calls from now on are ignored. False if there was one, which may have yet to arrive.
  [[nodiscard]] bool withdraw() noexcept;
  /// Any thread. Whether there was a call, which may have yet to arrive.
  [[nodiscard]] bool called() const noexcept { return called_.load(std::memory_order_acquire); }
  /// Whether this is the scheduler's thread, and the scheduler exists.
  [[nodiscard]] bool at_home() const noexcept { return box_->at_home(); }
  /// Any thread: what is to be delivered is in the state.
  void post() noexcept;
  /// The scheduler's thread: as post(), but at once.
  void arrive() noexcept;
  /// The scheduler's thread: the deferred is the caller's to fire, or was fired. The state may have been destroyed
  /// afterwards.
  void leave() noexcept;

 protected:
  callback_state(std::shared_ptr<callback_box> box, const std::source_location& made);
  ~callback_state() = default;

  /// Fires the deferred with what is stored, or with broken_deferred if nothing is.
  virtual void fire() noexcept = 0;
  virtual void free_block() noexcept = 0;

 private:
  friend class callback_box;

  void last_copy_gone() noexcept;

  std::atomic<std::uint32_t> references_ = 2;
  std::atomic<std::uint32_t> copies_ = 1;
  std::atomic<bool> called_ = false;
  std::atomic<bool> complained_ = false;
  const std::shared_ptr<callback_box> box_;
  const std::source_location made_;
  callback_state* next_posted_ = nullptr;

  // The scheduler's thread alone.
  bool outstanding_ = true;
  callback_state* previous_ = nullptr;
  callback_state* next_ = nullptr;
};

}  // namespace wring::detail
