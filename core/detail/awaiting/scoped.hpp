// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <wring/core/detail/flows/outcome.hpp>

namespace wring::detail {

/// Base of the adaptors that run what they are given inside a scope of their own, in the same task. `Self` provides
///
///     scope_node& scope();              // the scope; not in the tree before and after
///     void entering(flow&);             // before the scope is entered
///     void left(flow&) noexcept;        // after it was left, exactly once for each entering()
///     bool absorbs(flow&) noexcept;     // the operand was cancelled, and what is around it is not: was it this?
///
/// Usually through `transparent` or `absorbing`, below, which provide the rest of an adaptor.
template <class Self, class Op>
class scoped : adaptor_node {
 public:
  static constexpr bool refers_to_temporaries = !std::is_lvalue_reference_v<Op>;

  scoped(const scoped&) = delete;
  scoped& operator=(const scoped&) = delete;

  bool begin_await(flow& f) {
    if (f.cancelled() && !self().scope().shielded) {
      f.request_unwind();
      return false;
    }
    self().entering(f);
    f.push(*this);
    f.enter(self().scope());
    try {
      return operand_.begin_await(f);
    } catch (...) {
      leave();
      throw;
    }
  }

 protected:
  explicit scoped(Op& op) : operand_(op) {
    unwound = [](adaptor_node& node, flow& f) noexcept {
      auto& me = static_cast<scoped&>(node);
      me.leave();
      if (f.cancelled() || !me.self().absorbs(f)) return false;
      // A frame above may have to be resumed although this node is gone from the chain: it is the flow's top now.
      me.unwound = nullptr;
      return true;
    };
  }
  ~scoped() = default;

  /// The operand's cancellation ended here.
  [[nodiscard]] bool absorbed() const noexcept { return unwound == nullptr; }
  /// Takes the outcome of an operand that ended with a value or an exception, and then undoes begin_await(): from the
  /// inside outwards, as the scopes and nodes of nested adaptors are stacked.
  template <class Take>
  decltype(auto) finish(Take take) {
    const leaver leaving(*this);
    return take(operand_);
  }
  decltype(auto) finish() {
    return finish([](operand<Op>& ended) -> decltype(auto) { return ended.take(); });
  }
  decltype(auto) finish_result() {
    return finish([](operand<Op>& ended) -> decltype(auto) { return ended.take_result(); });
  }
  /// What finish() has returned was not delivered.
  template <class Value>
  void hand_back(Value& value) noexcept {
    put_back_into(operand_, value);
  }
  /// The same of a maybe_t.
  template <class Maybe>
  void hand_back_some(Maybe& value) noexcept {
    put_back_some_into(operand_, value);
  }

 private:
  class leaver {
   public:
    explicit leaver(scoped& s) noexcept : self_(s) {}
    leaver(const leaver&) = delete;
    leaver& operator=(const leaver&) = delete;
    ~leaver() { self_.leave(); }

   private:
    scoped& self_;
  };

  Self& self() noexcept { return static_cast<Self&>(*this); }
  void leave() noexcept {
    flow& f = *self().scope().owner;
    f.leave(self().scope());
    f.pop(*this);
    self().left(f);
  }

  operand<Op> operand_;
};

/// What an adaptor returns that may end without a value: bool for void, else std::optional.
template <class T>
struct maybe {
  using type = std::optional<storable<T>>;
};
template <>
struct maybe<void> {
  using type = bool;
};
template <class T>
using maybe_t = typename maybe<T>::type;

/// Takes an outcome as maybe_t: true, or the value.
template <class Op>
maybe_t<typename operand<Op>::value_type> some(operand<Op>& ended) {
  if constexpr (std::is_void_v<typename operand<Op>::value_type>) {
    ended.take();
    return true;
  } else {
    return ended.take();
  }
}

/// Base of adaptors that end as the operation they run does, and absorb no cancellation.
template <class Self, class Op>
class transparent : public scoped<Self, Op> {
 public:
  using value_type = value_of<Op>;

  decltype(auto) take() { return this->finish(); }

  [[nodiscard]] auto result() && noexcept
    requires has_result<Op>
  {
    return as_result<Self>(static_cast<Self&>(*this));
  }
  auto take_result()
    requires has_result<Op>
  {
    return this->finish_result();
  }

  template <class Value>
  void put_back(Value& value) noexcept {
    this->hand_back(value);
  }

 protected:
  using scoped<Self, Op>::scoped;
  ~transparent() = default;

 private:
  friend scoped<Self, Op>;
  static bool absorbs(flow&) noexcept { return false; }
};

/// Base of adaptors that absorb the cancellation of their own scope, and have no value then.
template <class Self, class Op>
class absorbing : public scoped<Self, Op> {
 public:
  using value_type = maybe_t<value_of<Op>>;

  value_type take() {
    if (this->absorbed()) return {};
    return this->finish(some<Op>);
  }

  /// As a value: an optional result, empty if the cancellation was absorbed.
  [[nodiscard]] auto result() && noexcept
    requires has_result<Op>
  {
    return as_result<Self>(static_cast<Self&>(*this));
  }
  auto take_result()
    requires has_result<Op>
  {
    std::optional<decltype(this->finish_result())> out;
    if (!this->absorbed()) out.emplace(this->finish_result());
    return out;
  }

  template <class Value>
  void put_back(Value& value) noexcept {
    this->hand_back_some(value);
  }

 protected:
  using scoped<Self, Op>::scoped;
  ~absorbing() = default;

 private:
  friend scoped<Self, Op>;
  bool absorbs(flow&) noexcept { return static_cast<Self&>(*this).scope().requested; }
};

}  // namespace wring::detail
