// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/protocols/http/content/file_cache.hpp>
#include <wring/protocols/http/content/static_files.hpp>

#include "../http_support.hpp"
#include "support/temporary_folder.hpp"

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

namespace {

/// Keeps a file that was last changed an hour ago.
void store(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - 1h);
}

std::string asking(std::string_view path, std::string_view more = {}) {
  return "GET /" + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

}  // namespace

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

TEST_CASE("of the files that are kept open, those that were used last stay", "[http][real_fd]") {
  http::file_cache cache({.open_files = 2});
  const auto put = [&cache](std::string_view path) {
    const http::detail::served_file facts({.size = 1'000'000}, std::chrono::system_clock::now(), {});
    net::descriptor fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    cache.insert({.path = path}, std::make_shared<http::detail::cached_file>(facts, std::move(fd), 0));
  };
  for (const std::string_view path : {"a", "b", "a", "c"}) put(path);
  CHECK(cache.stats().open_files == 2);
  CHECK(cache.stats().files == 2);
  CHECK(cache.find({.path = "c"}) != nullptr);
  cache.erase({.path = "c"});
  CHECK(cache.stats().open_files == 1);
  cache.clear();
  CHECK(cache.stats().open_files == 0);
  CHECK(cache.stats().bytes == 0);
  http::file_cache none;
  const http::detail::served_file facts({.size = 1'000'000}, std::chrono::system_clock::now(), {});
  none.insert({.path = "a"}, std::make_shared<http::detail::cached_file>(facts, net::descriptor(), 0));
  CHECK(none.stats().open_files == 0);
}

TASK_TEST_WITH("a large file that is kept open is not opened again, and a change of it shows", "[http][files][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  const std::string first(300'000, '1');
  store(folder / "a", first);
  for (const duration fresh : {duration(1h), duration(0s)}) {
    http::file_cache keeps({.open_files = 10, .fresh = fresh});
    auto root = co_await net::open_directory(folder / "");
    http::router r;
    r.get("/{path...}", http::static_files(std::move(root)).cache(keeps));
    store(folder / "a", first);
    std::string got;
    for (int i = 0; i != 3; ++i) {
      got = co_await answers(r, asking("a"));
      CHECK((body_of(got) == first));
    }
    CHECK(keeps.stats().open_files == 1);
    CHECK(keeps.stats().hits == 2);
    got = co_await answers(r, asking("a", "Range: bytes=10-19\r\n"));
    CHECK(statuses(got) == "206");
    CHECK(body_of(got) == "1111111111");
    // What stands in its place is seen when it is looked at again; the one that is open is another until then.
    const std::string second(300'000, '2');
    store(folder / "new", second);
    std::filesystem::rename(folder / "new", folder / "a");
    got = co_await answers(r, asking("a"));
    CHECK((body_of(got) == (fresh == duration(0s) ? second : first)));
    // Of one that was cut in its place no more is sent than there is, and the next time it is another.
    store(folder / "a", second + second);
    keeps.clear();
    got = co_await answers(r, asking("a"));
    CHECK((body_of(got) == second + second));
    store(folder / "a", second);
    got = co_await answers(r, asking("a"));
    CHECK((body_of(got) == second));
    CHECK(got.find("Content-Length: " + std::to_string(fresh == duration(0s) ? 300'000 : 600'000)) != got.npos);
    CHECK(keeps.stats().open_files == 1);
    std::filesystem::remove(folder / "a");
    keeps.clear();
    got = co_await answers(r, asking("a"));
    CHECK(statuses(got) == "404");
    CHECK(keeps.stats().open_files == 0);
  }
}
