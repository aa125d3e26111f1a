// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/net/detail/erased_operation.hpp>
#include <wring/net/detail/erased_owner.hpp>
#include <wring/net/detail/listener_table.hpp>
#include <wring/net/listener.hpp>
#include <wring/net/pending_connection.hpp>
#include <wring/net/released_connection.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// Owns a pending connection of any type; `establish()` returns an `any_stream`. Movable. Default-constructed or moved
/// from, it holds none, and establish() fails with errc::closed. Otherwise as `pending_connection`.
class any_pending_connection {
 public:
  any_pending_connection() noexcept = default;
  /// Throws std::bad_alloc, and has not moved `p` then; the block is recycled.
  template <class P>
    requires(!std::is_reference_v<P> && !std::same_as<P, any_pending_connection> && pending_connection<P>)
  any_pending_connection(P&& p) {
    static_assert(std::move_constructible<P>);  // not a constraint: P may have a constructor that takes one of these
    auto* const made = new detail::erased_owner_of<P>(std::move(p));
    owner_.reset(made);
    pending_ = std::addressof(made->object);
    table_ = &detail::pending_table_of<P>;
  }
  any_pending_connection(any_pending_connection&& other) noexcept { swap(other); }
  any_pending_connection& operator=(any_pending_connection&& other) noexcept {
    any_pending_connection(std::move(other)).swap(*this);
    return *this;
  }
  ~any_pending_connection() = default;

  void swap(any_pending_connection& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(pending_, other.pending_);
    std::swap(table_, other.table_);
  }

  [[nodiscard]] socket_address peer_address() const noexcept { return table_->peer_address(pending_); }
  [[nodiscard]] auto establish() noexcept { return detail::erased_operation<any_stream>(table_->establish, pending_); }
  /// Fails with EOPNOTSUPP where it has no release().
  [[nodiscard]] task<released_connection> release() { return table_->release(pending_); }

  /// The pending connection, if it is a P: null otherwise.
  template <pending_connection P>
  [[nodiscard]] P* target() const noexcept {
    return *table_->type == typeid(P) ? static_cast<P*>(pending_) : nullptr;
  }

 private:
  std::unique_ptr<detail::erased_owner> owner_;
  void* pending_ = nullptr;
  const detail::pending_table* table_ = &detail::pending_table_of<detail::no_pending_connection>;
};

/// Owns a listener of any type, for code that is compiled once and leaves the choice of TCP or TLS to its
/// configuration. Made by moving a listener in, or in place where it cannot be moved; that allocates, accepting does
/// not in steady state. Costs a few indirect calls per connection. Movable, but not while a task is suspended on it and
/// calls it again. Default-constructed or moved from, it is a closed listener. Otherwise as `listener`.
class any_listener {
 public:
  any_listener() noexcept = default;
  template <class L>
    requires(!std::is_reference_v<L> && !std::same_as<L, any_listener> && listener<L>)
  any_listener(L&& l) : any_listener(std::in_place_type<L>, std::move(l)) {
    static_assert(std::move_constructible<L>, "make it in place: any_listener(std::in_place_type<L>, args...)");
  }
  template <listener L, class... Args>
    requires std::constructible_from<L, Args...>
  explicit any_listener(std::in_place_type_t<L>, Args&&... args) {
    auto* const made = new detail::erased_owner_of<L>(std::forward<Args>(args)...);
    owner_.reset(made);
    listener_ = std::addressof(made->object);
    table_ = &detail::listener_table_of<L, any_pending_connection>;
  }
  any_listener(any_listener&& other) noexcept { swap(other); }
  any_listener& operator=(any_listener&& other) noexcept {
    any_listener(std::move(other)).swap(*this);
    return *this;
  }
  ~any_listener() = default;

  void swap(any_listener& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(listener_, other.listener_);
    std::swap(table_, other.table_);
  }

  /// Whether there is a listener inside; it may have been closed.
  explicit operator bool() const noexcept { return owner_ != nullptr; }

  [[nodiscard]] auto accept() noexcept {
    return detail::erased_operation<any_pending_connection>(table_->accept, listener_);
  }
  [[nodiscard]] socket_address local_address() const noexcept { return table_->local_address(listener_); }
  /// Closes a listener that is no `drainable_listener`.
  [[nodiscard]] auto drain() noexcept { return detail::erased_operation<void>(table_->drain, listener_); }
  [[nodiscard]] auto close() noexcept { return detail::erased_operation<void>(table_->close, listener_); }

  /// The listener, if it is an L: null otherwise.
  template <listener L>
  [[nodiscard]] L* target() const noexcept {
    return *table_->type == typeid(L) ? static_cast<L*>(listener_) : nullptr;
  }

 private:
  std::unique_ptr<detail::erased_owner> owner_;
  void* listener_ = nullptr;
  const detail::listener_table<any_pending_connection>* table_ =
      &detail::listener_table_of<detail::no_listener<any_pending_connection>, any_pending_connection>;
};

}  // namespace wring::net
