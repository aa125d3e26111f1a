// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/awaiter.hpp>
#include <wring/core/detail/flows/outcome.hpp>
#include <wring/core/scheduler.hpp>

namespace wring::detail {

enum class group_kind : bool { all, any };

constexpr const char* to_string(group_kind kind) noexcept { return kind == group_kind::all ? "when_all" : "when_any"; }

/// What the operands of one when_all or when_any have in common: a scope below that of the task that awaits them, how
/// many have not ended, and the first failure. Each operand runs as a flow of its own, embedded in the await.
class WRING_API group {
 public:
  group(const group&) = delete;
  group& operator=(const group&) = delete;

  [[nodiscard]] scheduler& home() const noexcept { return *home_; }
  [[nodiscard]] scope_node& scope() noexcept { return scope_; }

  void member_ended(flow& member, const std::exception_ptr& failure, bool by_cancellation) noexcept;

 protected:
  group(group_kind kind, std::size_t size)
      : home_(&scheduler::current()),
        scope_(kind == group_kind::all ? scope_kind::when_all : scope_kind::when_any),
        live_(size),
        kind_(kind) {}
  ~group() = default;

  /// Puts the operands' scopes into the tree.
  void open(flow& host) noexcept { scope_.attach(*host.scope, nullptr); }
  void launch(flow& member, const flow& host) noexcept {
    // Attached anew, so that operands are cancelled in their order: a tuple makes its elements in any.
    member.root_scope.detach();
    member.root_scope.attach(scope_, &member);
    member.context = host.context;
    home_->enqueue(member);
  }

  [[nodiscard]] bool ended() const noexcept { return live_ == 0; }
  [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }
  [[noreturn]] void rethrow(flow& host);

 private:
  /// No operand runs any more.
  virtual void all_ended() noexcept = 0;

  scheduler* home_;
  scope_node scope_;
  std::size_t live_;
  group_kind kind_;
  std::exception_ptr failure_;
  held_trace trace_;
};

/// An operand and the flow it runs in.
template <class Op>
class group_member final : public flow {
 public:
  group_member(group& g, Op& op) : flow(g.home(), g.scope(), nullptr), group_(g), operand_(op) {}

  using stored_type = storable<value_of<Op>>;

  [[nodiscard]] std::optional<stored_type>& value() noexcept { return outcome_.value; }

  /// The value is not delivered: it is put back, if that is possible.
  void put_back() noexcept {
    if (outcome_.value) put_back(*outcome_.value);
    outcome_.value.reset();
  }
  void put_back(stored_type& value) noexcept { put_back_into(operand_, value); }
  void put_back(std::optional<stored_type>& value) noexcept {
    if (value) put_back(*value);
  }

 private:
  bool begin() override {
    try {
      return operand_.begin_await(*this);
    } catch (...) {
      outcome_.failure = std::current_exception();
      return true;
    }
  }
  void ended(bool by_cancellation) noexcept override {
    if (!by_cancellation && !outcome_.failure) outcome_.take_from(operand_);
    group_.member_ended(*this, outcome_.failure, by_cancellation);
  }

  group& group_;
  operand<Op> operand_;
  outcome<value_of<Op>> outcome_;
};

/// The operands of the variadic forms.
template <class... Ops>
class member_tuple {
 public:
  using all_type = std::tuple<storable<value_of<Ops>>...>;
  using any_type = std::tuple<std::optional<storable<value_of<Ops>>>...>;

  static constexpr bool refers_to_temporaries = (!std::is_lvalue_reference_v<Ops> || ...);

  explicit member_tuple(group& g, Ops&... ops) : members_(seed<Ops>{g, ops}...) {}

  template <class Fn>
  void for_each(Fn fn) {
    std::apply([&](auto&... each) { (fn(each.flow), ...); }, members_);
  }
  [[nodiscard]] std::size_t values() noexcept {
    return std::apply([](auto&... each) { return (std::size_t{0} + ... + (each.flow.value() ? 1U : 0U)); }, members_);
  }
  static constexpr std::size_t size() noexcept { return sizeof...(Ops); }
  /// Puts back what each has, or, given away before, what is in `from`: the last one first, as the first one was the
  /// first to take.
  void put_back() noexcept {
    backwards(std::index_sequence_for<Ops...>(), [&](auto i) noexcept { std::get<i>(members_).flow.put_back(); });
  }
  template <class Values>
  void put_back(Values& from) noexcept {
    backwards(std::index_sequence_for<Ops...>(),
              [&](auto i) noexcept { std::get<i>(members_).flow.put_back(std::get<i>(from)); });
  }
  all_type all() {
    return std::apply([](auto&... each) { return all_type(std::move(*each.flow.value())...); }, members_);
  }
  any_type any() {
    return std::apply([](auto&... each) { return any_type(std::move(each.flow.value())...); }, members_);
  }

 private:
  template <std::size_t... I, class Fn>
  static void backwards(std::index_sequence<I...>, [[maybe_unused]] Fn fn) noexcept {
    (fn(std::integral_constant<std::size_t, sizeof...(Ops) - 1 - I>()), ...);
  }

  template <class Op>
  struct seed {
    group& g;
    Op& op;
  };
  template <class Op>
  struct member {
    explicit member(const seed<Op>& s) : flow(s.g, s.op) {}
    group_member<Op> flow;
  };

  std::tuple<member<Ops>...> members_;
};

/// The operands of the range forms: callables that stay in their range, or are kept here if the range makes them.
template <class Range>
class member_list {
  using reference = std::ranges::range_reference_t<Range>;
  using callable = std::reference_wrapper<std::remove_reference_t<reference>>;
  using value_type = storable<value_of<callable>>;

 public:
  static constexpr bool refers_to_temporaries =
      std::is_lvalue_reference_v<reference> && !std::ranges::borrowed_range<Range>;
  using all_type = std::vector<value_type>;
  using any_type = std::vector<std::optional<value_type>>;

  member_list(group& g, Range& range, std::size_t size) : members_(size) {
    auto each = members_.begin();
    for (auto&& fn : range) (each++)->emplace(g, std::forward<decltype(fn)>(fn));
  }

  template <class Fn>
  void for_each(Fn fn) {
    for (auto& each : members_) fn(each->flow);
  }
  [[nodiscard]] std::size_t values() noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(members_, [](auto& each) { return !!each->flow.value(); }));
  }
  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
  void put_back() noexcept {
    for (std::size_t i = members_.size(); i-- != 0;) members_[i]->flow.put_back();
  }
  template <class Values>
  void put_back(Values& from) noexcept {
    // The bits of a std::vector<bool> are nothing to be put back.
    if constexpr (std::is_lvalue_reference_v<std::ranges::range_reference_t<Values>>) {
      for (std::size_t i = members_.size(); i-- != 0;) members_[i]->flow.put_back(from[i]);
    }
  }
  all_type all() {
    all_type values;
    values.reserve(members_.size());
    for (auto& each : members_) values.push_back(std::move(*each->flow.value()));
    return values;
  }
  any_type any() {
    any_type values;
    values.reserve(members_.size());
    for (auto& each : members_) values.push_back(std::move(each->flow.value()));
    return values;
  }

 private:
  struct member {
    member(group& g, reference&& f) : fn(std::forward<reference>(f)), called(fn), flow(g, called) {}
    reference fn;
    callable called;  // by reference: what is in a range is no temporary of the await, so it may own something
    group_member<callable> flow;
  };

  std::vector<std::optional<member>> members_;
};

template <class R>
concept operand_range = !awaitable_operand<std::remove_cvref_t<R>> && std::ranges::forward_range<R> &&
                        awaitable_factory<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

template <group_kind Kind, class Members>
using group_value = std::conditional_t<Kind == group_kind::all, typename Members::all_type, typename Members::any_type>;

/// The await of a group.
template <group_kind Kind, class Members>
class [[nodiscard]] group_wait : public leaf<group_wait<Kind, Members>, group_value<Kind, Members>>, group {
 public:
  static constexpr bool refers_to_temporaries = Members::refers_to_temporaries;

  template <class... Args>
  explicit group_wait(std::size_t size, Args&&... args) : group(Kind, size), members_(*this, args...) {}

  bool ready() noexcept { return this->ended(); }
  void suspend() noexcept {
    flow& host = this->host();
    this->open(host);
    members_.for_each([&](flow& member) noexcept { this->launch(member, host); });
  }
  void cancel() noexcept override {}  // the operands hear of it through the tree
  group_value<Kind, Members> take() {
    if (this->failed()) this->rethrow(this->host());
    if constexpr (Kind == group_kind::all) {
      return members_.all();
    } else {
      return members_.any();
    }
  }
  void put_back(group_value<Kind, Members>& values) noexcept { members_.put_back(values); }
  wait_description describe() const noexcept override { return {.operation = to_string(Kind)}; }

 private:
  // The values have one owner: the task that waits, if there are those that it waits for, even if it was cancelled; or
  // else, one by one, whatever they were taken from.
  void all_ended() noexcept override {
    const std::size_t wanted = Kind == group_kind::all ? members_.size() : 1;
    const bool whole = !this->cancel_requested() || members_.values() >= wanted;
    if (this->failed() || !whole) members_.put_back();
    if (this->failed() || whole) {
      this->complete();
    } else {
      this->confirm_cancel();
    }
  }

  Members members_;
};

/// Each of Ops and Range is a reference where what is given has a name.
template <group_kind Kind, class... Ops>
auto make_group(std::remove_reference_t<Ops>&... ops) {
  return group_wait<Kind, member_tuple<Ops...>>(sizeof...(Ops), ops...);
}

template <group_kind Kind, class Range>
auto make_group_of(std::remove_reference_t<Range>& range) {
  const auto size = static_cast<std::size_t>(std::ranges::distance(range));
  return group_wait<Kind, member_list<Range>>(size, range, size);
}

}  // namespace wring::detail
