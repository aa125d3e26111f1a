// SPDX-License-Identifier: MIT
#include <chrono>
#include <stdexcept>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/flows/leaving.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/task.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/timeout.hpp>

namespace {

using namespace wring;

/// Notes how it was left when it is destroyed.
class witness {
 public:
  explicit witness(int& seen) noexcept : seen_(&seen) {}
  witness(witness&& other) noexcept : seen_(std::exchange(other.seen_, nullptr)) {}
  witness& operator=(witness&&) = delete;
  ~witness() {
    if (seen_ != nullptr) *seen_ = detail::leaving_early() ? 1 : 0;
  }

 private:
  int* seen_;
};

enum class way { returns, throws, waits };

task<> work(witness, int& local, way end) {
  const witness inner(local);
  event never;
  if (end == way::throws) throw std::runtime_error("no");
  if (end == way::waits) co_await never.wait();
}

TASK_TEST("a destructor can tell whether its task has come to its own end", "[flow]") {
  int parameter = -1;
  int local = -1;
  co_await work(witness(parameter), local, way::returns);
  CHECK(parameter == 0);
  CHECK(local == 0);

  bool caught = false;
  try {
    co_await work(witness(parameter), local, way::throws);
  } catch (const std::runtime_error&) {
    caught = true;
  }
  CHECK(caught);
  CHECK(parameter == 1);
  CHECK(local == 1);

  // What comes after an exception that was caught is not concerned.
  co_await work(witness(parameter), local, way::returns);
  CHECK(parameter == 0);
  CHECK(local == 0);

  const bool ended = co_await move_on_after(std::chrono::seconds(1), work(witness(parameter), local, way::waits));
  CHECK_FALSE(ended);
  CHECK(parameter == 1);
  CHECK(local == 1);

  co_await work(witness(parameter), local, way::returns);
  CHECK(parameter == 0);
  CHECK(local == 0);
}

}  // namespace
