// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <wring/core/detail/awaiting/as_result.hpp>
#include <wring/core/detail/awaiting/turn.hpp>
#include <wring/net/detail/task_slot.hpp>
#include <wring/net/tls/detail/tls_link.hpp>

namespace wring::net::tls::detail {

/// tls_stream::read_some and read: end at once if there is something, run a task otherwise.
template <class T>
class tls_read final : public read_goal {
 public:
  using value_type = T;

  explicit tls_read(tls_link& l) noexcept : link_(l) {}
  tls_read(tls_link& l, std::span<std::byte> into) noexcept : link_(l), into_(into) {}
  tls_read(const tls_read&) = delete;
  tls_read& operator=(const tls_read&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<tls_read>(*this); }

  bool begin_await(wring::detail::flow& f) {
    if (f.cancelled()) [[unlikely]] {
      f.request_unwind();
      return false;
    }
    if (f.budget == 0) [[unlikely]]
      return slow_.begin_await(f, [this] { return begin_in_turn(); });
    if (ends_at_once()) {
      --f.budget;
      return true;
    }
    return slow_.begin_await(f, [this] { return link_.fill(*this); });
  }
  T take() {
    slow_.rethrow();
    return outcome_->take();
  }
  wring::result<T> take_result() {
    slow_.rethrow();
    return std::move(*outcome_);
  }
  void put_back(T& value) noexcept {
    if constexpr (std::is_same_v<T, std::size_t>) {
      link_.give_back(into_.first(value));
    } else {
      link_.give_back(std::move(value));
    }
  }

  bool look(tls_link& link) noexcept override {
    if constexpr (std::is_same_v<T, std::size_t>) {
      outcome_ = link.take(into_);
    } else {
      outcome_ = link.take();
    }
    return outcome_.has_value();
  }
  void fail(const error& e) noexcept override { outcome_.emplace(e); }

 private:
  bool ends_at_once() noexcept {
    if (link_.reading()) [[unlikely]] {
      fail(error(errc::busy, "read from").with_address(link_.peer_address()));
      return true;
    }
    return look(link_);
  }
  /// After others had their turn: as many reads as may have ended at once.
  task<> begin_in_turn() {
    co_await wring::detail::turn();
    if (ends_at_once()) co_return;
    co_await link_.fill(*this);
  }

  /// Takes no room where there is nothing to read into.
  struct no_memory {};
  static constexpr bool reads_into = std::is_same_v<T, std::size_t>;

  tls_link& link_;
  [[no_unique_address]] std::conditional_t<reads_into, std::span<std::byte>, no_memory> into_;
  std::optional<wring::result<T>> outcome_;
  net::detail::task_slot slow_;
};

/// tls_stream::write_all.
class tls_write {
 public:
  using value_type = void;

  tls_write(tls_link& l, std::span<const std::byte> data) noexcept : link_(l), data_(data), parts_(&data_, 1) {}
  tls_write(tls_link& l, std::span<const std::span<const std::byte>> parts) noexcept : link_(l), parts_(parts) {}
  tls_write(const tls_write&) = delete;
  tls_write& operator=(const tls_write&) = delete;

  [[nodiscard]] auto result() && noexcept { return wring::detail::as_result<tls_write>(*this); }

  bool begin_await(wring::detail::flow& f) {
    if (f.cancelled()) [[unlikely]] {
      f.request_unwind();
      return false;
    }
    return slow_.begin_await(f, [this] { return link_.write(parts_, outcome_); });
  }
  void take() { take_result().value(); }
  wring::result<void> take_result() {
    slow_.rethrow();
    return outcome_;
  }

 private:
  tls_link& link_;
  std::span<const std::byte> data_;
  std::span<const std::span<const std::byte>> parts_;
  wring::result<void> outcome_;
  net::detail::task_slot slow_;
};

}  // namespace wring::net::tls::detail
