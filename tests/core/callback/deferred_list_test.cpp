// SPDX-License-Identifier: MIT
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/deferred_list.hpp>

#include "support/captured_log.hpp"

using Catch::Matchers::ContainsSubstring;
using wring::deferred;
using wring::deferred_source;
using wring::failure;
using wring::tests::captured_log;

namespace {

struct parts {
  std::vector<deferred_source<int>> sources;
  std::vector<deferred<int>> deferreds;

  explicit parts(std::size_t n) : sources(n) {
    for (auto& s : sources) deferreds.push_back(s.get());
  }
};

std::string text(const wring::deferred_result<int>& r) {
  return r.succeeded() ? std::to_string(*r.value) : r.error->message();
}

void note(deferred<std::vector<wring::deferred_result<int>>>& d, std::string& end) {
  d.add_callbacks(
      [&](const std::vector<wring::deferred_result<int>>& all) {
        end = "list";
        for (const auto& r : all) end += ' ' + text(r);
        return all;
      },
      [&](const failure& f) {
        end = f.message();
        return std::vector<wring::deferred_result<int>>();
      });
}

const std::runtime_error no("no");

}  // namespace

TEST_CASE("a list fires with all results, in its order, when all have ended", "[deferred_list]") {
  captured_log log;
  std::string end;
  parts p(3);
  auto list = wring::deferred_list(std::move(p.deferreds), {.consume_errors = true});
  note(list, end);
  p.sources[2].callback(3);
  p.sources[1].errback(no);
  CHECK(end.empty());
  p.sources[0].callback(1);
  CHECK(end == "list 1 no 3");
  CHECK(log.lines().empty());
}

TEST_CASE("a list of nothing fires at once, unless it is to fire on the first", "[deferred_list]") {
  std::string end;
  auto list = wring::deferred_list(std::vector<deferred<int>>());
  note(list, end);
  CHECK(end == "list");
  auto first = wring::deferred_list_first(std::vector<deferred<int>>());
  CHECK_FALSE(first.called());
  bool cancelled = false;
  first.add_errback([&](const failure& f) {
    cancelled = f.check<wring::cancelled_error>();
    return wring::first_result<int>();
  });
  first.cancel();
  CHECK(cancelled);
}

TEST_CASE("failures in a list that are not consumed are reported as well", "[deferred_list]") {
  captured_log log;
  std::string end;
  parts p(2);
  auto list = wring::deferred_list(std::move(p.deferreds));
  note(list, end);
  p.sources[0].errback(no);
  p.sources[1].callback(1);
  CHECK(end == "list no 1");
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], ContainsSubstring("error=no"));
}

TEST_CASE("a list of deferreds with a name leaves them where they are", "[deferred_list]") {
  captured_log log;
  std::string end;
  std::string later;
  {
    parts p(3);
    const auto note_later = [&](int n) {
      later += std::to_string(n) + ' ';
      return n;
    };
    auto list = wring::deferred_list(p.deferreds, {.consume_errors = true});
    note(list, end);
    p.sources[0].callback(1);
    p.sources[1].callback(2);
    p.sources[2].errback(no);
    for (auto& d : p.deferreds) d.add_callback(note_later);
  }
  CHECK(end == "list 1 2 no");
  CHECK(later == "1 2 0 ");
  CHECK(log.lines().empty());
  {
    parts p(1);
    auto list = wring::deferred_list(p.deferreds);
    note(list, end);
    p.sources[0].errback(no);
    CHECK(log.lines().empty());
  }
  CHECK(log.lines().size() == 1);
}

TEST_CASE("a list may fail with the first failure", "[deferred_list]") {
  captured_log log;
  std::string end;
  parts p(3);
  auto list = wring::deferred_list(std::move(p.deferreds), {.fire_on_one_errback = true, .consume_errors = true});
  list.add_errback([&](const failure& f) {
    const auto* const first = f.get_if<wring::first_error>();
    REQUIRE(first != nullptr);
    CHECK(first->index() == 1);
    CHECK(first->sub_failure().check<std::runtime_error>());
    return f;
  });
  note(list, end);
  p.sources[1].errback(no);
  CHECK(end == "the deferred at index 1 failed: no");
  p.sources[0].errback(no);
  p.sources[2].callback(1);
  CHECK(log.lines().empty());
}

TEST_CASE("cancelling a list cancels all, and the list fires with what comes of that", "[deferred_list]") {
  captured_log log;
  std::string end;
  std::vector<deferred_source<int>> sources;
  sources.emplace_back([](deferred_source<int>& s) { s.callback(7); });
  sources.emplace_back([] { throw std::runtime_error("cannot"); });
  sources.emplace_back();
  std::vector<deferred<int>> ds;
  for (auto& s : sources) ds.push_back(s.get());
  auto list = wring::deferred_list(std::move(ds), {.consume_errors = true});
  note(list, end);
  list.cancel();
  CHECK(end.empty());
  REQUIRE(log.lines().size() == 1);
  CHECK_THAT(log.lines()[0], ContainsSubstring("index=1 error=cannot"));
  sources[1].callback(8);
  CHECK_THAT(end, ContainsSubstring("list 7 8 the deferred was cancelled"));
  list.cancel();
}

TEST_CASE("a list may fire with the first value", "[deferred_list]") {
  parts p(3);
  std::string end;
  auto list = wring::deferred_list_first(std::move(p.deferreds), {.consume_errors = true});
  list.add_callback([&](wring::first_result<int> r) {
    end = r.value ? std::to_string(*r.value) + " of " + std::to_string(r.index) : "none of " + text(r.all.at(2));
    return r;
  });
  p.sources[0].errback(no);
  SECTION("one succeeds") {
    p.sources[2].callback(5);
    CHECK(end == "5 of 2");
    CHECK_FALSE(p.sources[1].called());
  }
  SECTION("all fail") {
    p.sources[1].errback(no);
    p.sources[2].errback(std::runtime_error("nor here"));
    CHECK(end == "none of nor here");
  }
}
