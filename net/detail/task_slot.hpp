// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <new>

#include <wring/core/task.hpp>

namespace wring::net::detail {

/// Room for a task in an operation that needs one only if it cannot end at once.
class task_slot {
 public:
  task_slot() noexcept {}
  task_slot(const task_slot&) = delete;
  task_slot& operator=(const task_slot&) = delete;
  ~task_slot() {
    if (made_) std::destroy_at(&task_);
  }

  /// Makes the task that `make()` returns, and starts it. True: it has ended at once.
  template <class Make>
  bool begin_await(wring::detail::flow& f, Make make) {
    ::new (static_cast<void*>(&task_)) task<>(make());
    made_ = true;
    return task_.begin_await(f);
  }

  /// Throws what the task threw, if there was one.
  void rethrow() {
    if (made_) task_.take();
  }

 private:
  union {
    task<> task_;
  };
  bool made_ = false;
};

}  // namespace wring::net::detail
