// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>

namespace wring::net::detail {

/// Bytes that wait for their turn on a stream without a task: in order with the writes of tasks, and sent at the end of
/// the scheduler's turn in which they were queued. The stream makes its own entry in here, which is destroyed when
/// `ended` is called.
class WRING_API queued_write {
 public:
  /// What a stream keeps of it while it is queued.
  class WRING_API entry {
   public:
    entry() noexcept = default;
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    virtual ~entry() = default;

    /// Nothing more is to be written. `ended` follows, maybe within this call. If a part of what was queued has gone
    /// out and the rest has not, the stream's write side is torn.
    virtual void withdraw() noexcept = 0;
    /// Whether another write is queued behind it.
    [[nodiscard]] virtual bool followed() const noexcept = 0;
  };

  queued_write() noexcept = default;
  queued_write(const queued_write&) = delete;
  queued_write& operator=(const queued_write&) = delete;

  [[nodiscard]] bool queued() const noexcept { return entry_ != nullptr; }
  void withdraw() noexcept { entry_->withdraw(); }
  /// Whether another write is queued behind it, and would be overtaken by what is added to it.
  [[nodiscard]] bool followed() const noexcept { return entry_ != nullptr && entry_->followed(); }

  // For the stream.

  /// What is to be written next: fills `into`, and returns how many spans. They stay as they are until the next call of
  /// written() or ended(). None: it is done.
  [[nodiscard]] virtual std::size_t parts(std::span<std::span<const std::byte>> into) noexcept = 0;
  /// The first `count` bytes of parts() have been written.
  virtual void written(std::size_t count) noexcept = 0;
  /// Its turn is over: everything is written (null), or nothing more will be. It may be queued again from here, and
  /// be destroyed, but must not destroy the stream.
  virtual void ended(const error* fault) noexcept = 0;

  template <std::derived_from<entry> Entry, class... Args>
  Entry& emplace(Args&&... args) noexcept {
    static_assert(sizeof(Entry) <= room && alignof(Entry) <= alignof(std::max_align_t));
    auto* const made = ::new (static_cast<void*>(room_)) Entry(std::forward<Args>(args)...);
    entry_ = made;
    return *made;
  }
  /// Destroys the entry, and tells ended(): the last that the stream does with it.
  void end(const error* fault) noexcept {
    std::destroy_at(std::exchange(entry_, nullptr));
    ended(fault);
  }

 protected:
  ~queued_write() = default;

 private:
  static constexpr std::size_t room = 168;

  entry* entry_ = nullptr;
  alignas(std::max_align_t) std::byte room_[room];
};

}  // namespace wring::net::detail
