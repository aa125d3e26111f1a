// SPDX-License-Identifier: MIT
#include <stdexcept>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/deferred_semaphore.hpp>

#include "support/depth.hpp"

using wring::deferred_semaphore;
using wring::deferred_source;
using wring::failure;

TEST_CASE("a deferred_semaphore gives out its tokens in order of arrival", "[deferred_semaphore]") {
  CHECK_THROWS_AS(deferred_semaphore(0), std::invalid_argument);
  deferred_semaphore s(2);
  CHECK_THROWS_AS(s.release(), std::logic_error);
  std::string order;
  for (const char name : {'a', 'b', 'c', 'd'}) s.acquire().add_callback([&order, name] { order += name; });
  CHECK(order == "ab");
  CHECK(s.tokens() == 0);
  CHECK(s.limit() == 2);
  CHECK(s.waiting() == 2);
  s.release();
  CHECK(order == "abc");
  s.release();
  CHECK(order == "abcd");
  CHECK(s.tokens() == 0);
  s.release();
  s.release();
  CHECK(s.tokens() == 2);
  CHECK_THROWS_AS(s.release(), std::logic_error);
}

TEST_CASE("a cancelled waiter leaves the queue of a deferred_semaphore", "[deferred_semaphore]") {
  deferred_semaphore s(1);
  std::string order;
  static_cast<void>(s.acquire());
  auto d = s.acquire();
  d.add_errback([&](const failure& f) { order += f.check<wring::cancelled_error>() ? 'x' : '?'; });
  d.cancel();
  CHECK(order == "x");
  CHECK(s.waiting() == 0);
  s.release();
  CHECK(s.tokens() == 1);
}

TEST_CASE("a deferred_semaphore runs as many functions at once as it has tokens", "[deferred_semaphore]") {
  deferred_semaphore s(2);
  deferred_source<int> sources[3];
  int begun = 0;
  int sum = 0;
  for (auto& source : sources) {
    s.run([&] {
       ++begun;
       return source.get();
     }).add_callback([&](int n) { sum += n; });
  }
  CHECK(begun == 2);
  sources[1].callback(10);
  CHECK(begun == 3);
  sources[0].callback(1);
  sources[2].callback(100);
  CHECK(sum == 111);
  CHECK(s.tokens() == 2);
}

TEST_CASE("very many who wait for a deferred_semaphore and pass it on at once need no deep stack",
          "[deferred_semaphore]") {
  constexpr int waiters = wring::tests::very_many;
  deferred_semaphore s(3);
  int next = 0;
  bool in_order = true;
  for (int i = 0; i != 3; ++i) static_cast<void>(s.acquire());
  for (int i = 0; i != waiters; ++i) {
    if (i % 2 == 0) {
      s.acquire().add_callback([&, i] {
        in_order = in_order && next == i;
        ++next;
        s.release();
      });
    } else {
      static_cast<void>(s.run([&, i] {
        in_order = in_order && next == i;
        ++next;
      }));
    }
  }
  for (int i = 0; i != 3; ++i) s.release();
  CHECK(next == waiters);
  CHECK(in_order);
  CHECK(s.tokens() == 3);
}
