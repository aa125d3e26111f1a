// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/scheduling/timer_wheel.hpp>

namespace wring::testing {

/// A wheel and the obvious implementation of the same, driven alike at random, also from within callbacks.
class timer_wheel_twin {
 public:
  timer_wheel_twin(std::uint64_t seed, std::int64_t origin, std::size_t timers, std::uint64_t spread)
      : random_(seed), spread_(spread), wheel_(origin), now_(origin) {
    for (std::size_t i = 0; i != timers; ++i) timers_.push_back(std::make_unique<node>(*this));
  }
  timer_wheel_twin(const timer_wheel_twin&) = delete;
  timer_wheel_twin& operator=(const timer_wheel_twin&) = delete;
  ~timer_wheel_twin() {
    for (auto& t : timers_) wheel_.cancel(*t);
  }

  void step() {
    switch (random_() % 8) {
      case 0:
        advance(now_);
        break;
      case 1:
        advance(later(now_, random_() % spread_));
        break;
      case 2:
        advance(later(now_, distance()));
        break;
      case 3:
        advance(std::max(now_, wheel_.next_deadline() == timer_wheel::never ? now_ : wheel_.next_deadline()));
        break;
      case 4:
        if (!model_.empty()) advance(std::max(now_, std::get<0>(*model_.begin()) - static_cast<int>(random_() % 2)));
        break;
      default:
        for (std::uint64_t i = random_() % 20; i != 0; --i) change();
    }
    REQUIRE(wheel_.size() == model_.size());
    REQUIRE(wheel_.empty() == model_.empty());
    if (model_.empty()) {
      REQUIRE(wheel_.next_deadline() == timer_wheel::never);
    } else {
      REQUIRE(wheel_.next_deadline() <= std::get<0>(*model_.begin()));
    }
  }

  [[nodiscard]] std::size_t fired() const { return fired_; }

 private:
  using timer = detail::timer;
  using timer_wheel = detail::timer_wheel;
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

  struct node : timer {
    explicit node(timer_wheel_twin& owner)
        : timer([](timer& t) noexcept {
            auto& self = static_cast<node&>(t);
            self.world.fire(self);
          }),
          world(owner) {}
    timer_wheel_twin& world;
    std::optional<std::uint64_t> sequence_in_model;
  };
  using key = std::tuple<std::int64_t, std::uint64_t, node*>;

  static std::int64_t later(std::int64_t from, std::uint64_t by) {
    const std::uint64_t room = static_cast<std::uint64_t>(highest) - static_cast<std::uint64_t>(from);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + std::min(by, room));
  }

  /// Of any order of magnitude up to the spread, years for the widest.
  std::uint64_t distance() { return (random_() % spread_) >> (random_() % 48); }

  std::int64_t deadline() {
    switch (random_() % 10) {
      case 0:
        return now_;
      case 1:
        return now_ < lowest + 1000 ? now_ : now_ - static_cast<std::int64_t>(random_() % 1000);
      case 2:
        return model_.empty() ? now_ : std::get<0>(*model_.begin());
      case 3:
        return favourite_;
      case 4:
        return favourite_ = later(now_, distance());
      default:
        return later(now_, distance());
    }
  }

  void forget(node& t) {
    if (!t.sequence_in_model) return;
    const key was{t.deadline_ns, *t.sequence_in_model, &t};
    in_step_ = in_step_ && model_.erase(was) == 1;
    batch_.erase(was);
    t.sequence_in_model.reset();
  }

  void change() {
    node& t = *timers_[random_() % timers_.size()];
    in_step_ = in_step_ && t.armed() == t.sequence_in_model.has_value();
    forget(t);
    if (random_() % 3 == 0) {
      wheel_.cancel(t);
    } else {
      const std::int64_t when = deadline();
      wheel_.arm(t, when);
      t.sequence_in_model = next_sequence_++;
      model_.emplace(when, *t.sequence_in_model, &t);
    }
  }

  void fire(node& t) {
    ++fired_;
    in_step_ = in_step_ && !t.armed() && !batch_.empty() && std::get<2>(*batch_.begin()) == &t;
    forget(t);
    if (!quiet_) {
      for (std::uint64_t i = random_() % 4; i != 0; --i) change();
    }
  }

  void advance(std::int64_t to) {
    now_ = to;
    batch_ = {model_.begin(), model_.upper_bound({to, std::numeric_limits<std::uint64_t>::max(), nullptr})};
    const std::size_t before = fired_;
    const std::size_t count = wheel_.advance(to);
    REQUIRE(in_step_);
    REQUIRE(batch_.empty());
    REQUIRE(count == fired_ - before);
    if (random_() % 4 == 0) {
      // Without changes from callbacks, nothing that is due remains and no bound is stale.
      quiet_ = true;
      batch_ = {model_.begin(), model_.upper_bound({to, std::numeric_limits<std::uint64_t>::max(), nullptr})};
      wheel_.advance(to);
      quiet_ = false;
      REQUIRE(in_step_);
      REQUIRE(batch_.empty());
      if (to != highest) REQUIRE(wheel_.next_deadline() > to);
    }
  }

  std::mt19937_64 random_;
  std::uint64_t spread_;
  timer_wheel wheel_;
  std::int64_t now_;
  std::int64_t favourite_ = 0;
  std::vector<std::unique_ptr<node>> timers_;
  std::set<key> model_;
  std::set<key> batch_;
  std::uint64_t next_sequence_ = 0;
  std::size_t fired_ = 0;
  bool in_step_ = true;
  bool quiet_ = false;
};

}  // namespace wring::testing
