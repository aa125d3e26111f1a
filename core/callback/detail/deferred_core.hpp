// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <wring/config.hpp>
#include <wring/core/callback/detail/captured_stack.hpp>
#include <wring/core/detail/awaiting/value_slot.hpp>
#include <wring/core/detail/counted_ref.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring::detail {

class deferred_core;

/// One step of a chain: a pair of callbacks, or what hands the result to whatever waits for it. Also the canceller.
struct deferred_link {
  /// With a core: takes its result and puts the next one in its place; returns the chain that continues with it,
  /// handing over its reference, or null for this one. A canceller returns its core if it handles the rest itself: the
  /// core is not failed, and a further cancel() calls the canceller again. Without a core: destroys the link.
  using act_fn = deferred_core* (*)(deferred_link&, deferred_core*);

  explicit deferred_link(act_fn what) noexcept : act(what) {}
  deferred_link(const deferred_link&) = delete;
  deferred_link& operator=(const deferred_link&) = delete;

  act_fn act;
  deferred_link* next = nullptr;
  std::uint32_t heap_bytes = 0;  ///< of the block it is in; 0: in its core or in its owner

 protected:
  ~deferred_link() = default;
};

/// Base of a link of a given type, which provides `deferred_core* run(deferred_core&)`.
template <class Self>
struct typed_link : deferred_link {
  typed_link() noexcept
      : deferred_link([](deferred_link& link, deferred_core* core) -> deferred_core* {
          Self& self = static_cast<Self&>(link);
          if (core != nullptr) return self.run(*core);
          std::destroy_at(&self);
          return nullptr;
        }) {}

 protected:
  ~typed_link() = default;
};

/// The state that a source and a chain share: the result so far, and the links it has yet to pass. What depends on the
/// result's type is in the links. One thread.
class WRING_API deferred_core {
 public:
  enum class status : std::uint8_t {
    unfired,
    value,
    failed,
    waiting,  ///< fired; its result is that of another chain, which has yet to come
    taken,    ///< it has passed to another chain or a task
  };
  /// What can still add to the end of the chain.
  enum class tail : std::uint8_t { in_source, held, passed_on, dropped };

  [[nodiscard]] static deferred_core* make(const std::source_location& made) {
    return ::new (frame_recycler::allocate(sizeof(deferred_core))) deferred_core(made);
  }
  deferred_core(const deferred_core&) = delete;
  deferred_core& operator=(const deferred_core&) = delete;

  /// How many chains may run inside each other, fired by each other's callbacks; deeper ones are postponed. More than
  /// Twisted reaches before Python's recursion limit.
  static constexpr std::uint32_t depth_limit = 256;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) destroy();
  }

  [[nodiscard]] bool called() const noexcept { return called_; }
  [[nodiscard]] bool paused() const noexcept { return pauses_ != 0; }
  [[nodiscard]] status state() const noexcept { return status_; }
  /// Whether the result is final as things stand: nothing holds it up.
  [[nodiscard]] bool settled() const noexcept {
    return (status_ == status::value || status_ == status::failed) && pauses_ == 0 && !running_;
  }

  // The result. To replace it, the old one must have been taken.
  template <class T, class... Args>
  void set_value(Args&&... args) {
    if constexpr (!std::is_void_v<T>) slot_.emplace<T>(std::forward<Args>(args)...);
    status_ = status::value;
  }
  void set_failure(fault f) noexcept {
    fault_ = std::move(f);
    status_ = status::failed;
  }
  /// Within a catch clause: fails with its exception.
  void set_failure_being_handled() noexcept;
  template <class T>
  [[nodiscard]] T take_value() {
    status_ = status::taken;
    if constexpr (!std::is_void_v<T>) return slot_.take<T>();
  }
  [[nodiscard]] fault take_failure() noexcept {
    status_ = status::taken;
    return std::move(fault_);
  }
  template <class T>
  [[nodiscard]] T& peek_value() noexcept {
    return slot_.get<T>();
  }
  [[nodiscard]] const fault& peek_failure() const noexcept { return fault_; }
  /// Hands the result to `other`, which has none.
  void move_result_to(deferred_core& other) noexcept;
  void discard() noexcept {
    slot_.reset();
    fault_ = {};
    status_ = status::taken;
  }

  // The source's end.
  /// False: this call is the one that a cancellation swallows. Throws already_called.
  [[nodiscard]] bool may_fire();
  /// The result has been set: continues with it.
  void fired(const std::source_location& at) noexcept;
  void fail(fault f, const std::source_location& at) noexcept {
    set_failure(std::move(f));
    fired(at);
  }
  /// Its outcome is not wanted.
  void end_quietly() noexcept;
  /// Fires this, which may be fired, with the result of `from`. Returns a reference to this, which has yet to be run.
  [[nodiscard]] deferred_core* fire_with_result_of(deferred_core& from) noexcept;
  /// The source has been destroyed; fails the chain if it was not fired.
  void source_gone() noexcept;
  /// There never was a source: only cancel() will fire this.
  void set_sourceless() noexcept { source_alive_ = false; }
  /// Fails a chain without a source that is about to be waited for, which would keep it alive.
  void break_if_sourceless() noexcept;
  void set_source(void* source) noexcept { source_ = source; }
  [[nodiscard]] void* source() const noexcept { return source_; }
  /// Takes a canceller made by make_link.
  void set_canceller(deferred_link* canceller) noexcept { canceller_ = canceller; }

  // The chain's end.
  /// A pause ends when nothing is left that could unpause. What was held back runs now if the end was dropped; if it
  /// was passed on, together with what the new owner is about to append.
  void set_tail(tail t) noexcept;
  /// From now on it is waited for by an owner that keeps it and does not unpause it.
  void pass_on() noexcept {
    set_tail(tail::passed_on);
    break_if_sourceless();
  }
  [[nodiscard]] tail tail_state() const noexcept { return tail_; }
  /// Makes a link for append or set_canceller, in the core's own storage if it fits.
  template <class Link, class... Args>
  [[nodiscard]] Link* make_link(Args&&... args);
  /// Adds a link; runs it at once if the result is known and nothing holds it back.
  void append(deferred_link& link) noexcept;
  /// Runs the links whose result is known, if nothing holds them back. At the limit of depth that is postponed until
  /// the innermost run under way has ended.
  void go_on() noexcept;
  /// Makes the chain, from within one of its links, wait for `inner`, whose reference is handed over. Its result
  /// replaces the link's.
  void wait_for(deferred_core* inner);
  [[nodiscard]] bool has_links() const noexcept { return first_ != nullptr; }
  /// Removes a link that has not run. It must be the last one, and the owner's.
  void detach(deferred_link& link) noexcept;
  void pause() noexcept { ++pauses_; }
  void unpause();
  /// Throws what the canceller throws.
  void cancel(const std::source_location& at);
  /// The same for the chain at `index` of several: logs what the canceller throws, and is postponed as go_on() is.
  void cancel_part(std::size_t index) noexcept;

  /// Aborts if this is not the thread that made the core.
  void check_thread() const noexcept {
#if WRING_CHECKS
    check_thread_now();
#endif
  }

 private:
  struct continuation;
  struct inside_run;
  enum due : std::uint8_t { run_due = 1, cancel_due = 2 };

  static constexpr std::size_t room_bytes = 192;

  explicit deferred_core(const std::source_location& made) noexcept;
  ~deferred_core();

  void check_thread_now() const noexcept;
  void destroy() noexcept;
  void drop(deferred_link* link) noexcept;
  void drop_canceller() noexcept;
  void mark_fired(const std::source_location& at) noexcept;
  void run() noexcept;
  void go_on_deep() noexcept;
  void put_off(due what) noexcept;
  static void catch_up() noexcept;
  void add(deferred_link& link) noexcept {
    (last_ != nullptr ? last_->next : first_) = &link;
    last_ = &link;
  }
  void cancel_or_log(const std::size_t* index) noexcept;
  void report_if_unhandled() noexcept;
  void report() noexcept;

  value_slot slot_;
  fault fault_;
  deferred_link* first_ = nullptr;
  deferred_link* last_ = nullptr;
  deferred_link* canceller_ = nullptr;
  deferred_core* waited_for_ = nullptr;  // alive: each of the two has a reference, to this and from another owner
  void* source_ = nullptr;
  const void* thread_;
  deferred_core* next_in_line_ = nullptr;  // in the list of doomed or of postponed chains
  std::source_location fired_at_;          // until then, where it was made
  std::uint32_t references_ = 1;
  std::uint32_t pauses_ = 0;
  std::uint16_t room_used_ = 0;
  status status_ = status::unfired;
  tail tail_ = tail::in_source;
  bool source_alive_ = true;
  bool called_ = false;
  bool swallow_next_ = false;
  bool running_ = false;
  bool cancelling_ = false;
  std::uint8_t put_off_ = 0;  // what is due
  alignas(std::max_align_t) std::byte room_[room_bytes];
};

using core_ref = counted_ref<deferred_core>;

template <class Link, class... Args>
Link* deferred_core::make_link(Args&&... args) {
  constexpr std::size_t unit = alignof(std::max_align_t);
  static_assert(alignof(Link) <= unit, "a callback that needs a stricter alignment cannot be stored");
  constexpr std::size_t size = (sizeof(Link) + unit - 1) / unit * unit;
  if (size <= room_bytes - room_used_) {
    Link* const link = ::new (static_cast<void*>(room_ + room_used_)) Link(std::forward<Args>(args)...);
    room_used_ = static_cast<std::uint16_t>(room_used_ + size);
    return link;
  }
  void* const block = frame_recycler::allocate(sizeof(Link));
  try {
    Link* const link = ::new (block) Link(std::forward<Args>(args)...);
    link->heap_bytes = static_cast<std::uint32_t>(sizeof(Link));
    return link;
  } catch (...) {
    frame_recycler::deallocate(block, sizeof(Link));
    throw;
  }
}

}  // namespace wring::detail
