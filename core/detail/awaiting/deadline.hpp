// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <wring/core/detail/awaiting/scoped.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

/// The timer and scope of a deadline; independent of what is awaited. Many of them are there at a time, most never
/// expire: what expiring needs is allocated then.
class WRING_API deadline_scope : public scope_node, timer {
 public:
  /// `nanoseconds`: from the start, or a time of the clock.
  deadline_scope(std::int64_t nanoseconds, bool relative) noexcept
      : scope_node(scope_kind::deadline), timer(expire, nanoseconds), relative_(relative) {}

  void start(flow& f) noexcept;
  void end(flow& f) noexcept { f.sched().timers().cancel(*this); }
  [[nodiscard]] error timed_out() const noexcept;
  /// When it passes; from start() on.
  [[nodiscard]] std::int64_t when() const noexcept { return deadline_ns; }

 private:
  struct late_deleter {
    void operator()(wait_description* late) const noexcept;
  };

  static void expire(timer& t) noexcept;

  bool relative_;
  std::unique_ptr<wait_description, late_deleter> late_;  ///< what it waited for when the time was up, if that is known
};

/// Results do not nest, and neither do they in the optional of what may end without one.
template <class T>
inline constexpr bool holds_result = is_result<T>;
template <class T>
inline constexpr bool holds_result<std::optional<T>> = is_result<T>;

/// What with_deadline and with_timeout return.
template <class Op>
class [[nodiscard]] with_deadline_op : public scoped<with_deadline_op<Op>, Op> {
 public:
  using value_type = value_of<Op>;

  with_deadline_op(Op& op, std::int64_t nanoseconds, bool relative)
      : scoped<with_deadline_op, Op>(op), deadline_(nanoseconds, relative) {}

  value_type take() {
    if (this->absorbed()) [[unlikely]] {
      if constexpr (is_result<value_type>) {
        return deadline_.timed_out();
      } else {
        deadline_.timed_out().raise();
      }
    }
    return this->finish();
  }

  /// As a value. An operation without faults of its own has this one, running out of time; what it throws is thrown.
  [[nodiscard]] auto result() && noexcept
    requires(!std::is_reference_v<value_type>)
  {
    return as_result<with_deadline_op>(*this);
  }
  auto take_result()
    requires(!std::is_reference_v<value_type>)
  {
    if constexpr (has_result<Op>) {
      using outcome = decltype(this->finish_result());
      return this->absorbed() ? outcome(deadline_.timed_out()) : this->finish_result();
    } else if constexpr (holds_result<value_type>) {
      return this->absorbed() ? value_type(deadline_.timed_out()) : this->finish();
    } else {
      return timed_result();
    }
  }

  template <class Value>
  void put_back(Value& value) noexcept {
    this->hand_back(value);
  }

 private:
  friend scoped<with_deadline_op, Op>;

  wring::result<value_type> timed_result() {
    if (this->absorbed()) [[unlikely]]
      return deadline_.timed_out();
    if constexpr (std::is_void_v<value_type>) {
      this->finish();
      return {};
    } else {
      return this->finish();
    }
  }
  scope_node& scope() noexcept { return deadline_; }
  void entering(flow& f) noexcept { deadline_.start(f); }
  void left(flow& f) noexcept { deadline_.end(f); }
  bool absorbs(flow&) noexcept { return deadline_.requested; }

  deadline_scope deadline_;
};

/// What move_on_after and move_on_at return.
template <class Op>
class [[nodiscard]] move_on_op : public absorbing<move_on_op<Op>, Op> {
 public:
  move_on_op(Op& op, std::int64_t nanoseconds, bool relative)
      : absorbing<move_on_op, Op>(op), deadline_(nanoseconds, relative) {}

 private:
  friend scoped<move_on_op, Op>;
  friend absorbing<move_on_op, Op>;
  scope_node& scope() noexcept { return deadline_; }
  void entering(flow& f) noexcept { deadline_.start(f); }
  void left(flow& f) noexcept { deadline_.end(f); }

  deadline_scope deadline_;
};

}  // namespace wring::detail
