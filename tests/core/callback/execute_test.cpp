// SPDX-License-Identifier: MIT
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/execute.hpp>

using wring::deferred;
using wring::failure;

namespace {

std::string end_of(deferred<int> d) {
  std::string end = "nothing";
  d.add_callbacks(
      [&](int n) {
        end = std::to_string(n);
        return n;
      },
      [&](const failure& f) {
        end = f.message();
        return 0;
      });
  return end;
}

int half(int n) {
  if (n % 2 != 0) throw std::domain_error("odd");
  return n / 2;
}

}  // namespace

TEST_CASE("execute calls at once", "[execute]") {
  CHECK(end_of(wring::execute(half, 8)) == "4");
  CHECK(end_of(wring::execute(half, 7)) == "odd");
}

TEST_CASE("execute gives nothing where there is nothing, and what only moves", "[execute]") {
  int calls = 0;
  bool fired = false;
  auto nothing = wring::execute([&](int n) { calls += n; }, 3).add_callback([&] { fired = true; });
  CHECK(calls == 3);
  CHECK(fired);
  int value = 0;
  auto moved = wring::execute([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(7));
  auto read = std::move(moved).add_callback([&](std::unique_ptr<int> p) { value = *p; });
  CHECK(value == 7);
}
