// SPDX-License-Identifier: MIT
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/awaiter.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "support/child_process.hpp"
#include "support/waits.hpp"

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using wring::task;
using wring::testing::run_in_child;
using namespace wring::tests;

namespace {

/// As a user would write it: a box that one task waits to be filled.
template <class T>
class mailbox {
 public:
  /// Returning: a letter stays in the box if the wait is cancelled.
  [[nodiscard]] auto receive() { return wait(*this); }

  void put(T letter) {
    letter_ = std::move(letter);
    if (waiter_ != nullptr) std::exchange(waiter_, nullptr)->delivered();
  }
  [[nodiscard]] bool full() const noexcept { return letter_.has_value(); }

 private:
  class wait : public wring::leaf<wait, T> {
   public:
    explicit wait(mailbox& box) noexcept : box_(box) {}

    bool ready() noexcept { return box_.full(); }
    void suspend() noexcept { box_.waiter_ = this; }
    void cancel() noexcept override {
      box_.waiter_ = nullptr;
      this->confirm_cancel();
    }
    T take() {
      T letter = std::move(*box_.letter_);
      box_.letter_.reset();
      return letter;
    }
    wring::wait_description describe() const noexcept override { return {.operation = "receive a letter"}; }

    void delivered() noexcept { this->complete(); }

   private:
    mailbox& box_;
  };

  std::optional<T> letter_;
  wait* waiter_ = nullptr;
};

/// A wait that breaks its contract.
class broken : public wring::leaf<broken, void> {
 public:
  enum class breach { complete_twice, confirm_unasked, complete_idle };
  explicit broken(breach b) noexcept : breach_(b) {}
  bool ready() noexcept {
    if (breach_ == breach::complete_idle) complete();
    return false;
  }
  void suspend() noexcept {
    if (breach_ == breach::confirm_unasked) confirm_cancel();
    complete();
    complete();
  }
  void cancel() noexcept override {}
  void take() noexcept {}
  wring::wait_description describe() const noexcept override { return {.operation = "broken wait", .fd = 42}; }

 private:
  breach breach_;
};

std::string report_of(broken::breach b) {
  const auto end = run_in_child([=] { wring::testing::run([=]() -> task<> { co_await broken(b); }); });
  CHECK_FALSE(end.clean);
  return end.report;
}

}  // namespace

TASK_TEST("an own awaitable suspends the task until it completes", "[awaiter]") {
  mailbox<std::string> box;
  std::string got;
  auto read = [&]() -> task<> { got = co_await box.receive(); };
  auto body = [&](wring::nursery& n) -> task<> {
    n.start(std::ref(read));
    co_await settle();
    CHECK(got.empty());
    box.put("a letter");
    CHECK(got.empty());  // queued, not run
  };
  co_await wring::with_nursery(std::ref(body));
  CHECK(got == "a letter");
  box.put("at once");
  got = co_await box.receive();
  CHECK(got == "at once");
}

TASK_TEST("an own awaitable works with every adaptor", "[awaiter]") {
  mailbox<int> box;
  const auto late = co_await wring::move_on_after(1ms, box.receive());
  CHECK_FALSE(late);
  auto put = [&]() -> task<> {
    box.put(1);
    co_return;
  };
  const auto [got, done] = co_await wring::when_all(box.receive(), put());
  CHECK(got == 1);
  wring::cancel_scope scope;
  scope.cancel();
  box.put(2);
  const auto none = co_await scope.run(box.receive());
  CHECK_FALSE(none);
  CHECK(box.full());  // a cancelled wait has taken nothing
}

TEST_CASE("an own awaitable can be cancelled everywhere", "[awaiter]") {
  wring::testing::cancel_everywhere([]() -> task<> {
    mailbox<int> box;
    auto write = [&]() -> task<> {
      co_await wring::yield();
      box.put(1);
    };
    const auto [got, done] = co_await wring::when_all(box.receive(), write());
    CHECK(got == 1);
  });
}

TASK_TEST("a wait that was cancelled may end either way, and later", "[awaiter]") {
  for (const bool confirms : {false, true}) {
    manual_operation operation;
    wring::cancel_scope scope;
    std::optional<int> value;
    bool ended = false;
    auto wait = [&]() -> task<> {
      value = co_await scope.run(manual_operation::wait(operation));
      ended = true;
    };
    auto body = [&](wring::nursery& n) -> task<> {
      n.start(std::ref(wait));
      co_await settle();
      scope.cancel();
      scope.cancel();
      CHECK(operation.cancels == 1);  // asked once
      co_await settle();
      CHECK_FALSE(ended);
      if (confirms) {
        operation.confirm();
      } else {
        operation.finish(9);
      }
      co_await settle();
      CHECK(ended);
      CHECK(value == (confirms ? std::nullopt : std::optional(9)));
    };
    co_await wring::with_nursery(std::ref(body));
  }
}

TEST_CASE("a wait that breaks its contract ends the process with its description", "[awaiter]") {
  CHECK_THAT(report_of(broken::breach::complete_twice),
             ContainsSubstring("an awaiter (broken wait, descriptor 42) was completed while not suspended"));
  CHECK_THAT(report_of(broken::breach::complete_idle),
             ContainsSubstring("an awaiter (broken wait, descriptor 42) was completed while not suspended"));
  CHECK_THAT(
      report_of(broken::breach::confirm_unasked),
      ContainsSubstring("an awaiter (broken wait, descriptor 42) was confirmed a cancel that was not requested"));
}

TEST_CASE("a wait that is destroyed under a suspended task ends the process", "[awaiter]") {
  const auto end = run_in_child([] {
    wring::testing::run([]() -> task<> {
      wring::detail::flow& self = co_await wring::detail::current_flow();
      manual_operation operation;
      manual_operation::wait wait(operation);
      static_cast<void>(wait.begin_await(self));
    });
  });
  CHECK_FALSE(end.clean);
  CHECK_THAT(end.report, ContainsSubstring("destroyed while a task is suspended on it"));
}
