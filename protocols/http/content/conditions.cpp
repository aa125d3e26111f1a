// SPDX-License-Identifier: MIT
#include <array>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/content/conditions.hpp>
#include <wring/protocols/http/content/date.hpp>
#include <wring/protocols/http/content/entity_tag.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

namespace {

using std::chrono::sys_seconds;
using comparison = bool (entity_tag::*)(const entity_tag&) const noexcept;

/// Whether one of the listed tags is the current one, or the list is "*" and there is something.
bool lists(const fields& headers, std::string_view name, const validators& current, comparison matches) noexcept {
  const std::optional<entity_tag> tag = parse_entity_tag(current.tag);
  for (std::string_view list : headers.all(name)) {
    if (list == "*" && current.exists) return true;
    while (const std::optional<entity_tag> listed = detail::take_entity_tag(list)) {
      if (current.exists && tag && (*listed.*matches)(*tag)) return true;
    }
  }
  return false;
}

/// The time of a field that is there once; others are ignored.
std::optional<sys_seconds> time_of(const fields& headers, std::string_view name, sys_seconds now) noexcept {
  const auto all = headers.all(name);
  if (all.empty() || ++all.begin() != all.end()) return std::nullopt;
  return parse_date(*all.begin(), now);
}

bool is_read(method m) noexcept { return m == method::get || m == method::head; }

}  // namespace

condition evaluate_conditions(method m, const fields& headers, const validators& current, sys_seconds now) noexcept {
  if (headers.find("if-match")) {
    if (!lists(headers, "if-match", current, &entity_tag::matches_strongly)) return condition::failed;
  } else if (const auto since = time_of(headers, "if-unmodified-since", now); since && current.modified) {
    if (!current.exists || *current.modified > *since) return condition::failed;
  }
  if (headers.find("if-none-match")) {
    if (lists(headers, "if-none-match", current, &entity_tag::matches_weakly)) {
      return is_read(m) ? condition::not_modified : condition::failed;
    }
  } else if (is_read(m) && current.exists && current.modified) {
    const auto since = time_of(headers, "if-modified-since", now);
    if (since && *current.modified <= *since) return condition::not_modified;
  }
  return condition::met;
}

bool range_applies(const fields& headers, const validators& current, sys_seconds now) noexcept {
  const auto all = headers.all("if-range");
  if (all.empty()) return true;
  if (++all.begin() != all.end()) return false;
  const std::string_view text = *all.begin();
  if (const auto tag = parse_entity_tag(text)) {
    const auto mine = parse_entity_tag(current.tag);
    return mine && tag->matches_strongly(*mine);
  }
  const auto time = parse_date(text, now);
  return time && current.modified == time && now - *time > std::chrono::seconds(1);
}

bool check_conditions(const request& rq, response& rs, const validators& current) {
  if (!current.tag.empty()) rs.header("ETag", current.tag);
  if (current.modified) {
    std::array<char, detail::date_size> text{};
    detail::put_date(text.data(), *current.modified);
    rs.header("Last-Modified", {text.data(), text.size()});
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(scheduler::current().engine().wall_now());
  switch (evaluate_conditions(rq.method(), rq.headers(), current, now)) {
    case condition::met:
      return true;
    case condition::not_modified:
      rs.status(304).empty();
      return false;
    case condition::failed:
      rs.fail(412);
      return false;
  }
  return true;
}

}  // namespace wring::http
