// SPDX-License-Identifier: MIT
//
// Follows the links of a web site from one page on, within its host, several pages at a time, as far as its robots.txt
// allows. Prints each page's status and URL, and a line of progress on the standard error.
//
//     $ crawler --at-once 8 --pages 100 http://127.0.0.1:8080/
//     200 http://127.0.0.1:8080/
//     200 http://127.0.0.1:8080/about
//     404 http://127.0.0.1:8080/missing

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
using wring::task;

struct settings {
  std::string start;
  std::size_t at_once = 8;
  std::size_t pages = 1000;
  std::size_t page_size = std::size_t{1} << 20;
  bool quiet = false;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Where `word`, in lower case, is in `text` from `from` on, whatever its case.
std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), word.begin(), word.end(),
                                 [](char a, char b) { return lower(a) == b; });
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

/// What the links of a page say: the values of href. Good enough for a page that is not made to deceive.
std::vector<std::string> links_of(std::string_view page) {
  std::vector<std::string> links;
  for (std::size_t at = find_word(page, "href", 0); at != std::string_view::npos; at = find_word(page, "href", at)) {
    at += 4;
    while (at < page.size() && (page[at] == ' ' || page[at] == '=')) ++at;
    if (at == page.size()) break;
    const char quote = page[at];
    const bool quoted = quote == '"' || quote == '\'';
    if (quoted) ++at;
    const std::size_t end = quoted ? page.find(quote, at) : page.find_first_of(" \t\r\n>", at);
    if (end == std::string_view::npos) break;
    std::string link(page.substr(at, end - at));
    for (std::size_t amp = link.find("&amp;"); amp != std::string::npos; amp = link.find("&amp;", amp + 1)) {
      link.erase(amp + 1, 4);
    }
    links.push_back(std::move(link));
    at = end;
  }
  return links;
}

/// What robots.txt allows to everybody (RFC 9309): the longest rule that fits decides.
class robots {
 public:
  void read(std::string_view text) {
    bool ours = false;
    bool in_agents = false;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
      line = line.substr(0, line.find('#'));
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string name(trimmed(line.substr(0, colon)));
      std::ranges::transform(name, name.begin(), lower);
      const std::string_view value = trimmed(line.substr(colon + 1));
      if (name == "user-agent") {
        ours = (in_agents && ours) || value == "*";
        in_agents = true;
        continue;
      }
      in_agents = false;
      const bool allows = name == "allow";
      if (ours && !value.empty() && (allows || name == "disallow")) rules_.push_back({std::string(value), allows});
    }
  }
  [[nodiscard]] bool allow(std::string_view target) const {
    const rule* best = nullptr;
    for (const rule& r : rules_) {
      if (!fits(target, r.path)) continue;
      if (best == nullptr || r.path.size() > best->path.size() || (r.path.size() == best->path.size() && r.allows)) {
        best = &r;
      }
    }
    return best == nullptr || best->allows;
  }

 private:
  struct rule {
    std::string path;
    bool allows;
  };

  static std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
  }
  /// `*` stands for anything, `$` for the end.
  static bool fits(std::string_view target, std::string_view pattern) {
    const bool to_end = pattern.ends_with('$');
    if (to_end) pattern.remove_suffix(1);
    std::size_t at = 0;
    bool first = true;
    for (;;) {
      const std::size_t star = pattern.find('*');
      const std::string_view part = pattern.substr(0, star);
      const bool last = star == std::string_view::npos;
      if (last && to_end && !first) return target.size() >= at + part.size() && target.ends_with(part);
      const std::size_t found = first ? (target.starts_with(part) ? 0 : std::string_view::npos) : target.find(part, at);
      if (found == std::string_view::npos) return false;
      at = found + part.size();
      if (last) return !to_end || at == target.size();
      pattern.remove_prefix(star + 1);
      first = false;
    }
  }

  std::vector<rule> rules_;
};

class crawl {
 public:
  crawl(http::client& web, http::absolute_url start, const settings& chosen)
      : web_(web), start_(std::move(start)), chosen_(chosen) {}

  task<bool> run() {
    co_await read_robots();
    add(start_);
    wring::nursery pages({.limit = chosen_.at_once});
    const auto all = [&]() -> task<> {
      for (;;) {
        while (!waiting_.empty()) {
          co_await pages.vacancy();
          http::absolute_url next = std::move(waiting_.front());
          waiting_.pop_front();
          ++active_;
          pages.start([this](http::absolute_url url) { return fetch(std::move(url)); }, std::move(next));
        }
        if (active_ == 0) co_return;
        changed_.reset();
        co_await changed_.wait();
      }
    };
    co_await pages.run(std::ref(all));
    if (!chosen_.quiet) fmt::print(stderr, "\n");
    co_return failures_ == 0;
  }

 private:
  /// Is to be fetched, unless it is another host's, was met before, is forbidden, or is one too many.
  void add(http::absolute_url url) {
    if (!url.same_origin(start_) || seen_.size() >= chosen_.pages) return;
    if (!rules_.allow(url.target()) || !seen_.insert(url.target()).second) return;
    waiting_.push_back(std::move(url));
  }

  task<> read_robots() {
    const auto where = start_.resolve("/robots.txt");
    try {
      http::client_response rs = co_await web_.send(http::client_request("GET", *where));
      if (!rs.ok()) co_return;
      const std::string text = co_await rs.text(std::size_t{500} * 1024);
      rules_.read(text);
    } catch (const wring::io_error& e) {
      wring::log::warn("robots.txt could not be read", {"error", e.what()});
    }
  }

  task<> fetch(http::absolute_url url) {
    const ended here(*this);
    http::client_request q("GET", url);
    q.redirects(0).header("Accept", "text/html");
    try {
      http::client_response rs = co_await web_.send(q);
      fmt::print("{} {}\n", rs.status(), url.to_string());
      if (const auto location = rs.header("location")) follow(url, *location);
      if (!rs.header("content-type").value_or("").starts_with("text/html")) co_return;
      const std::string page = co_await rs.text(chosen_.page_size);
      for (const std::string& link : links_of(page)) follow(url, link);
    } catch (const wring::io_error& e) {
      ++failures_;
      fmt::print("--- {}: {}\n", url.to_string(), e.what());
    }
  }

  void follow(const http::absolute_url& from, std::string_view link) {
    if (auto to = from.resolve(link)) add(std::move(*to));
  }

  /// Of a page, however it ends.
  struct ended {
    explicit ended(crawl& c) noexcept : all(c) {}
    ended(const ended&) = delete;
    ended& operator=(const ended&) = delete;
    ~ended() {
      --all.active_;
      ++all.done_;
      all.changed_.set();
      if (!all.chosen_.quiet) std::fprintf(stderr, "\r%zu fetched, %zu waiting ", all.done_, all.waiting_.size());
    }

    crawl& all;
  };

  http::client& web_;
  http::absolute_url start_;
  const settings& chosen_;
  robots rules_;
  std::set<std::string> seen_;
  std::deque<http::absolute_url> waiting_;
  wring::event changed_;
  std::size_t active_ = 0;
  std::size_t done_ = 0;
  std::size_t failures_ = 0;
};

task<> run(settings chosen, bool& good) {
  http::client web({.max_per_origin = chosen.at_once});
  web.user_agent("wring-crawler");
  crawl all(web, *http::absolute_url::parse(chosen.start), chosen);
  good = co_await all.run();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Follows the links of a web site, within its host, and prints each page's status.");
  options.count("--at-once", chosen.at_once, "how many pages are fetched at once", 1, 1000);
  options.count("--pages", chosen.pages, "the most pages to fetch", 1, 1'000'000);
  options.size("--page-size", chosen.page_size, "a page that is longer counts as a failure", 1);
  options.flag("--quiet", chosen.quiet, "shows no progress");
  options.text("URL", chosen.start, "where to begin, http://HOST/");
  options.require("URL");
  options.sample("crawler --pages 100 http://127.0.0.1:8080/");
  options.read(argc, argv);
  const auto start = http::absolute_url::parse(chosen.start);
  if (!start || start->scheme() == http::url_scheme::https) {
    fmt::print(stderr, "{}: a site is given as http://HOST/, not as \"{}\" (see --help)\n", argv[0], chosen.start);
    return 2;
  }
  bool good = true;
  const auto body = [&]() -> task<> { co_await run(chosen, good); };
  const int code = wring::run(body);
  return code != 0 ? code : good ? 0 : 1;
}
