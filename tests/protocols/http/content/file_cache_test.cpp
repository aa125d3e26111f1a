// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/net/shared_bytes.hpp>
#include <wring/protocols/http/content/file_cache.hpp>

using namespace wring;

TEST_CASE("the cache keeps to its limit, and what was used last", "[http]") {
  http::file_cache cache({.bytes = 4000, .largest = 1000});
  const auto put = [&cache](std::string_view path, std::size_t size) {
    const wring::detail::file_facts f{.size = size};
    const http::detail::served_file facts(f, std::chrono::system_clock::now(), {});
    const std::string text(size, 'x');
    cache.insert({.path = path}, std::make_shared<http::detail::cached_file>(facts, net::shared_bytes(text), 0));
  };
  put("too large", 1001);
  CHECK(cache.stats().files == 0);
  for (int i = 0; i < 100; ++i) {
    const std::string name = "file " + std::to_string(i);
    put(name, 900);
    CHECK(cache.stats().bytes <= 4000);
    CHECK(cache.find({.path = name}) != nullptr);
  }
  CHECK(cache.stats().files == 2);
  put("file 99", 500);
  CHECK(cache.find({.path = "file 99"})->bytes.size() == 500);
  CHECK(cache.find({.number = 1, .path = "file 99"}) == nullptr);
  cache.erase({.path = "file 99"});
  CHECK(cache.find({.path = "file 99"}) == nullptr);
  cache.clear();
  CHECK(cache.stats().files == 0);
  CHECK(cache.stats().bytes == 0);
}
