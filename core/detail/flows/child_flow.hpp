// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include <wring/core/detail/awaiting/bound_task.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/detail/flows/flow.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>

namespace wring {
class nursery;
}

namespace wring::detail {

/// A child of a nursery, of which it knows no more than that: what it needs of it is defined with it. The block stays
/// allocated while handles refer to it.
class WRING_API child_flow : public flow {
 public:
  /// Inherits the context of the task that runs now, if there is one.
  explicit child_flow(nursery& parent) noexcept;
  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (drop()) free_block();
  }
  [[nodiscard]] bool done() const noexcept { return root_scope.parent == nullptr; }

 protected:
  ~child_flow() = default;
  /// It has ended; null: not with an exception. The task has been destroyed.
  void leave_nursery(const std::exception_ptr& failure) noexcept;
  /// Drops a reference. True: it was the last one.
  [[nodiscard]] bool drop() noexcept { return --references_ == 0; }

 private:
  virtual void free_block() noexcept = 0;

  std::uint32_t references_ = 1;
  nursery* nursery_;
};

/// What the kinds of children have in common: `Self`, which is final, holds the task and provides
///
///     std::exception_ptr finish(bool by_cancellation) noexcept;  // destroys the task; what the nursery is to fail
///     with
template <class Self, class Base = child_flow>
class child_base : public Base {
 public:
  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

 protected:
  using Base::Base;
  ~child_base() = default;

 private:
  void ended(bool by_cancellation) noexcept final {
    Self& self = static_cast<Self&>(*this);
    this->leave_nursery(self.finish(by_cancellation));
    if (this->drop()) delete &self;
  }
  void free_block() noexcept final { delete static_cast<Self*>(this); }
};

/// A child with what it runs.
template <class Fn, class... Args>
class child_of final : public child_base<child_of<Fn, Args...>> {
 public:
  template <class F, class... As>
  child_of(nursery& parent, F&& fn, As&&... args) : child_base<child_of>(parent) {
    ::new (static_cast<void*>(&work_)) bound_task<Fn, Args...>(std::forward<F>(fn), std::forward<As>(args)...);
  }
  child_of(const child_of&) = delete;
  child_of& operator=(const child_of&) = delete;
  ~child_of() {}  // finish() has destroyed the work

 private:
  friend child_base<child_of>;

  bool begin() override { return work_.task.begin_await(*this); }

  std::exception_ptr finish(bool by_cancellation) noexcept {
    std::exception_ptr failure;
    if (!by_cancellation) {
      try {
        static_cast<void>(work_.task.take());
      } catch (...) {
        failure = std::current_exception();
      }
    }
    std::destroy_at(&work_);
    return failure;
  }

  union {
    bound_task<Fn, Args...> work_;
  };
};

}  // namespace wring::detail
