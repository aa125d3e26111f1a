// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/awaiting/wait_list.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/nursery.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/net/stream.hpp>

namespace wring::net::detail {

/// The part of an outbox that must not move while its bytes are being sent: the bytes, and what waits for them. Frees
/// itself once its outbox has been destroyed and nothing is in flight.
///
/// The bytes are queued on the stream as one write, and what is posted while that waits or is sent belongs to it. But
/// if something else has been queued on the stream behind it, then it would overtake that: so it gets a turn of its
/// own.
class WRING_API outbox_queue {
 public:
  /// Is notified when little enough is left.
  class listener : public wring::detail::wait_link {
   public:
    const std::size_t at_most;

   protected:
    explicit listener(std::size_t most) noexcept : at_most(most) {}
    ~listener() = default;

   private:
    friend class outbox_queue;
    virtual void drained() noexcept = 0;
  };

  outbox_queue(stream_ref s, nursery& n, std::size_t limit) noexcept
      : stream_(s), nursery_(n), limit_(limit), needs_task_(!stream_access::queues(s)) {}
  static void* operator new(std::size_t size);
  static void operator delete(void* block, std::size_t size) noexcept;

  /// The end of the outbox.
  void abandon() noexcept;

  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept { return bytes <= limit_ - unsent_; }
  /// Takes bytes, for which there is room. False: the stream has failed.
  bool add(std::span<const std::byte> bytes);
  bool add(shared_bytes&& bytes);
  /// The peer reads too slowly.
  void overflow() noexcept;

  [[nodiscard]] std::size_t unsent() const noexcept { return unsent_; }
  [[nodiscard]] const std::optional<error>& fault() const noexcept { return fault_; }
  void listen(listener& l) noexcept { listeners_.push(l); }
  void forget(listener& l) noexcept { listeners_.remove(l); }
  [[nodiscard]] wait_description describe(const char* operation) const noexcept;

 private:
  struct block;
  class turn;
  class writing;

  ~outbox_queue() { clear(); }
  [[nodiscard]] std::size_t parts(std::size_t of, std::span<std::span<const std::byte>> into) const noexcept;
  void written(std::size_t count) noexcept;
  void ended(turn& t, const error* fault) noexcept;

  void append(block& b) noexcept;
  void drop_first() noexcept;
  void clear() noexcept;
  void withdraw(turn& t) noexcept;
  void remove(turn& t) noexcept;
  void prepare();
  [[nodiscard]] bool begin(std::size_t added) noexcept;
  void fail(const error& e) noexcept;
  void tell() noexcept;
  void task_ended() noexcept;
  static task<> write(writing self);

  stream_ref stream_;
  nursery& nursery_;
  std::size_t limit_;
  std::size_t unsent_ = 0;
  block* first_ = nullptr;
  block* last_ = nullptr;
  turn* first_turn_ = nullptr;
  turn* last_turn_ = nullptr;
  std::optional<error> fault_;
  wring::detail::wait_list<listener> listeners_;
  child_handle writer_;
  const bool needs_task_;
  bool has_task_ = false;
  bool abandoned_ = false;
  bool withdrawing_ = false;
};

}  // namespace wring::net::detail
