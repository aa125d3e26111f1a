// SPDX-License-Identifier: MIT
#include <chrono>
#include <coroutine>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/awaiter.hpp>
#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>

#include "detail/child_process.hpp"
#include "waits.hpp"

using namespace std::chrono_literals;
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

/// What knows only the three functions of the standard.
struct foreign {
  std::coroutine_handle<>* where = nullptr;
  int value = 0;

  bool await_ready() const noexcept { return where == nullptr; }
  void await_suspend(std::coroutine_handle<> h) noexcept { *where = h; }
  int await_resume() const noexcept { return value; }
};

struct foreign_by_member {
  std::coroutine_handle<>* where = nullptr;
  foreign operator co_await() && noexcept { return {where, 2}; }
};

struct foreign_by_function {
  std::coroutine_handle<>* where = nullptr;
};
foreign operator co_await(foreign_by_function&& f) noexcept { return {f.where, 3}; }

/// Decides in await_suspend, and may throw there.
struct undecided {
  enum class choice { goes_on, throws, resumes } does;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> h) {
    if (does == choice::throws) throw std::runtime_error("cannot suspend");
    if (does == choice::resumes) h.resume();
    return does == choice::resumes;
  }
  int await_resume() const noexcept { return 4; }
};

/// Transfers to another handle, here back to the task itself.
struct transferring {
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept { return h; }
  std::string await_resume() const { return "back"; }
};

task<> settle() {
  for (int i = 0; i != 5; ++i) co_await wring::yield();
}

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

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an own awaitable suspends the task until it completes", "[awaiter]") {
  wring::testing::run([]() -> task<> {
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
  });
}

TEST_CASE("an own awaitable works with every adaptor", "[awaiter]") {
  wring::testing::run([]() -> task<> {
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
  });
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

TEST_CASE("a wait that was cancelled may end either way, and later", "[awaiter]") {
  wring::testing::run([]() -> task<> {
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
  });
}

TEST_CASE("a wait that breaks its contract ends the process with its description", "[awaiter]") {
  CHECK(contains(report_of(broken::breach::complete_twice),
                 "an awaiter (broken wait, descriptor 42) was completed while not suspended"));
  CHECK(contains(report_of(broken::breach::complete_idle),
                 "an awaiter (broken wait, descriptor 42) was completed while not suspended"));
  CHECK(contains(report_of(broken::breach::confirm_unasked),
                 "an awaiter (broken wait, descriptor 42) was confirmed a cancel that nobody asked for"));
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
  CHECK(contains(end.report, "destroyed while a task is suspended on it"));
}

TEST_CASE("foreign awaitables that are ready count as awaits that end at once", "[awaiter][foreign]") {
  wring::testing::run(
      []() -> task<> {
        int turns = 0;
        bool stop = false;
        auto count = [&]() -> task<> {
          while (!stop) {
            ++turns;
            co_await wring::yield();
          }
        };
        auto busy = [&]() -> task<> {
          for (int i = 0; i != 100; ++i) {
            const int value = co_await foreign{nullptr, i};
            CHECK(value == i);
          }
          stop = true;
        };
        co_await wring::when_all(busy(), count());
        CHECK(turns >= 9);
        CHECK(turns <= 12);
      },
      {.leaf_budget = 10});
}

TEST_CASE("foreign awaitables behave the same where the task yields first", "[awaiter][foreign]") {
  wring::testing::run(
      []() -> task<> {
        std::coroutine_handle<> handle;
        auto resume_it = [&]() -> task<> {
          while (!handle) co_await wring::yield();
          std::exchange(handle, {}).resume();
        };
        auto wait = [&]() -> task<> {
          co_await foreign{nullptr, 0};  // the one that may end at once
          const int value = co_await foreign{&handle, 4};
          CHECK(value == 4);
          co_await foreign{nullptr, 0};
          co_await undecided{undecided::choice::goes_on};
          co_await foreign{nullptr, 0};
          CHECK_THROWS_AS(co_await undecided{undecided::choice::throws}, std::runtime_error);
        };
        co_await wring::when_all(wait(), resume_it());

        wring::cancel_scope scope;
        auto cancelled_meanwhile = [&]() -> task<> {
          co_await foreign{nullptr, 0};
          co_await foreign{nullptr, 0};
          FAIL("not reached");
        };
        auto cancel = [&]() -> task<> {
          scope.cancel();
          co_return;
        };
        const auto in_scope = [&] { return scope.run(cancelled_meanwhile); };
        const auto [finished, nothing] = co_await wring::when_all(in_scope, cancel);
        CHECK_FALSE(finished);
      },
      {.leaf_budget = 1});
}

TEST_CASE("foreign awaitables are awaited in each of the standard's ways", "[awaiter][foreign]") {
  wring::testing::run([]() -> task<> {
    const int ready = co_await foreign{nullptr, 1};
    CHECK(ready == 1);
    std::coroutine_handle<> handle;
    int sum = 0;
    auto wait = [&]() -> task<> {
      sum += co_await foreign{&handle, 10};
      foreign named{&handle, 20};
      sum += co_await named;
      sum += co_await foreign_by_member{&handle};
      sum += co_await foreign_by_function{&handle};
    };
    auto body = [&](wring::nursery& n) -> task<> {
      const wring::child_handle child = n.start(std::ref(wait));
      for (const int expected : {0, 10, 30, 32}) {
        co_await settle();
        CHECK(sum == expected);
        REQUIRE(handle);
        std::exchange(handle, nullptr).resume();
        CHECK(sum == expected);  // queued, not run
      }
      co_await settle();
      CHECK(sum == 35);
      CHECK(child.done());
    };
    co_await wring::with_nursery(std::ref(body));
  });
}

TEST_CASE("a foreign awaitable may decide in await_suspend", "[awaiter][foreign]") {
  wring::testing::run([]() -> task<> {
    const int on = co_await undecided{undecided::choice::goes_on};
    CHECK(on == 4);
    const int resumed = co_await undecided{undecided::choice::resumes};
    CHECK(resumed == 4);
    CHECK_THROWS_AS(co_await undecided{undecided::choice::throws}, std::runtime_error);
    const std::string back = co_await transferring{};
    CHECK(back == "back");
    co_await std::suspend_never();
    const int later = co_await undecided{undecided::choice::goes_on};
    CHECK(later == 4);
  });
}

TEST_CASE("a foreign awaitable is not cancellable, and delivers", "[awaiter][foreign]") {
  wring::testing::run([]() -> task<> {
    std::coroutine_handle<> handle;
    wring::cancel_scope scope;
    int got = 0;
    bool further = false;
    auto wait = [&]() -> task<> {
      got = co_await foreign{&handle, 5};
      co_await always_ready();
      further = true;
    };
    auto scoped = [&]() -> task<> { co_await scope.run(wait()); };
    auto body = [&](wring::nursery& n) -> task<> {
      const wring::child_handle child = n.start(std::ref(scoped));
      co_await settle();
      scope.cancel();
      co_await settle();
      CHECK_FALSE(child.done());
      handle.resume();
      co_await settle();
      CHECK(child.done());
    };
    co_await wring::with_nursery(std::ref(body));
    CHECK(got == 5);
    CHECK_FALSE(further);

    wring::cancel_scope cancelled;
    cancelled.cancel();
    const auto never = co_await cancelled.run(foreign{nullptr, 1});
    CHECK_FALSE(never);
  });
}

TEST_CASE("a foreign awaitable may resume its task from another thread", "[awaiter][foreign][threads]") {
  struct from_thread {
    std::jthread& thread;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      thread = std::jthread([h] { h.resume(); });
    }
    std::thread::id await_resume() const noexcept { return std::this_thread::get_id(); }
  };
  wring::testing::run([]() -> task<> {
    std::jthread thread;
    for (int i = 0; i != 200; ++i) {
      const std::thread::id on = co_await from_thread{thread};
      CHECK(on == std::this_thread::get_id());
      CHECK(on != thread.get_id());
    }
  });
}

TEST_CASE("a foreign awaitable that resumes its task twice ends the process", "[awaiter][foreign]") {
  const auto end = run_in_child([] {
    wring::testing::run([]() -> task<> {
      std::coroutine_handle<> handle;
      auto resume = [&]() -> task<> {
        handle.resume();
        handle.resume();
        co_return;
      };
      co_await wring::when_all(foreign{&handle, 1}, resume());
    });
  });
  CHECK_FALSE(end.clean);
  CHECK(contains(end.report, "resumed its task twice"));
}
