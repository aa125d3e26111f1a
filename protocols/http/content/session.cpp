// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <utility>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/content/cookie.hpp>
#include <wring/protocols/http/content/session.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/secret.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http {

namespace {

constexpr std::size_t id_size = 32;
/// Not a name that a program would choose.
constexpr std::string_view token_name = "\x01token";

std::string random_text() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<std::byte, id_size / 2> random{};
  scheduler::current().engine().random(random);
  std::string text;
  text.reserve(id_size);
  for (const std::byte b : random) {
    text += digits[std::to_integer<std::size_t>(b) / 16];
    text += digits[std::to_integer<std::size_t>(b) % 16];
  }
  return text;
}

std::int64_t now() noexcept { return scheduler::current().turn_time(); }

std::int64_t wall_seconds() noexcept {
  const auto time = scheduler::current().engine().wall_now().time_since_epoch();
  return std::chrono::floor<std::chrono::seconds>(time).count();
}

/// "5:hello": texts one after the other.
void put(std::string& to, std::string_view text) { to.append(std::to_string(text.size())).append(":").append(text); }

/// Takes the first of what put() has made; none at the end.
std::optional<std::string_view> take(std::string_view& from) noexcept {
  std::size_t size = 0;
  std::size_t at = 0;
  while (at < from.size() && detail::is_digit(from[at])) size = size * 10 + static_cast<std::size_t>(from[at++] - '0');
  if (at == from.size() || from[at] != ':' || from.size() - at - 1 < size) return std::nullopt;
  const std::string_view text = from.substr(at + 1, size);
  from.remove_prefix(at + 1 + size);
  return text;
}

}  // namespace

bool session_store::is_live(const entry& e, std::int64_t at) const noexcept {
  return limits_.idle == forever || at - e.used <= limits_.idle.count();
}

void session_store::forget_idle(std::int64_t at) {
  constexpr std::int64_t pause = std::chrono::nanoseconds(std::chrono::seconds(10)).count();
  {
    const std::lock_guard lock(mutex_);
    if (swept_ != 0 && at - swept_ < pause && sessions_.size() < limits_.sessions) return;
    swept_ = at;
  }
  sessions_.erase_if([&](const std::string&, const entry& e) { return !is_live(e, at); });
}

session::session(session_store& store, request& rq, response& rs, std::string_view cookie, bool secure)
    : store_(&store), response_(&rs), cookie_(cookie), secure_(secure) {
  const std::string_view given = rq.cookie(cookie).value_or("");
  if (given.size() != id_size) return;
  std::string id(given);
  const auto live = store.sessions_.visit(id, [&](session_store::entry& e) {
    if (!store.is_live(e, now())) return false;
    e.used = now();
    return true;
  });
  if (!live.value_or(false)) return;
  id_ = std::move(id);
  begun_ = true;
  rs.append("Vary", "Cookie");
}

session::session(const seal_keys& keys, duration idle, request& rq, response& rs, std::string_view cookie, bool secure)
    : keys_(&keys), idle_(idle), response_(&rs), cookie_(cookie), secure_(secure) {
  if (const auto text = rq.cookie(cookie)) read_sealed(*text);
  if (begun_) rs.append("Vary", "Cookie");
}

void session::read_sealed(std::string_view text) {
  const std::optional<std::string> opened = keys_->open(cookie_, text);
  if (!opened) return;
  std::string_view left = *opened;
  std::int64_t made = 0;
  for (const char c : take(left).value_or("")) made = made * 10 + (c - '0');
  while (const auto name = take(left)) {
    const auto value = take(left);
    if (value) own_.insert_or_assign(std::string(*name), std::string(*value));
  }
  begun_ = true;
  // It is used: so it lasts from now on. Not each answer has to carry it.
  const auto old = std::chrono::seconds(wall_seconds() - made);
  if (idle_ != forever && old * 4 > std::chrono::nanoseconds(idle_)) keep(std::move(own_));
}

void session::keep(value_map all) {
  constexpr std::size_t most_of_cookie = 4096;
  std::string text;
  put(text, std::to_string(wall_seconds()));
  for (const auto& [name, value] : all) {
    put(text, name);
    put(text, value);
  }
  const std::string sealed = keys_->seal(cookie_, text, idle_);
  if (cookie_.size() + sealed.size() > most_of_cookie) {
    throw std::length_error("a sealed session would be longer than the 4096 bytes of a cookie that browsers keep");
  }
  send_cookie(sealed);
  own_ = std::move(all);
  begun_ = true;
}

void session::send_cookie(std::string_view value) {
  const std::string begin = std::string(cookie_) + "=";
  response_->replace_cookie(begin, detail::cookie_text(cookie_, value, {.secure = secure_}));
  // What a visitor of his own gets is not for others, whom a cache would give it to.
  if (!response_->lists("vary", "cookie")) response_->append("Vary", "Cookie");
  if (!response_->header("cache-control")) response_->header("Cache-Control", "private, no-cache");
}

void session::begin() {
  if (exists()) return;
  store_->forget_idle(now());
  std::string id = random_text();
  const auto made = store_->sessions_.update(id, [](session_store::entry& e) {
    e.used = now();
    return true;
  });
  if (!made) throw status_error(503, {}, "there are as many sessions as session_limits::sessions");
  id_ = std::move(id);
  try {
    send_cookie(id_);
  } catch (...) {
    store_->sessions_.erase(id_);
    id_.clear();
    throw;
  }
  begun_ = true;
}

std::optional<std::string> session::get(std::string_view name) const {
  if (!exists()) return std::nullopt;
  if (keys_ != nullptr) {
    const auto value = own_.find(name);
    if (value == own_.end()) return std::nullopt;
    return value->second;
  }
  const auto found = store_->sessions_.visit(id_, [&](const session_store::entry& e) -> std::optional<std::string> {
    const auto value = e.values.find(name);
    if (value == e.values.end()) return std::nullopt;
    return value->second;
  });
  return found.value_or(std::nullopt);
}

void session::set(std::string_view name, std::string_view value) {
  if (keys_ != nullptr) {
    value_map changed = own_;
    changed.insert_or_assign(std::string(name), std::string(value));
    keep(std::move(changed));
    return;
  }
  begin();
  const std::size_t limit = store_->limits_.bytes;
  const auto kept = store_->sessions_.visit(id_, [&](session_store::entry& e) {
    const auto old = e.values.find(name);
    const std::size_t less = old == e.values.end() ? 0 : name.size() + old->second.size();
    const std::size_t bytes = e.bytes - less + name.size() + value.size();
    if (bytes > limit) return false;
    if (old != e.values.end()) {
      old->second = value;
    } else {
      e.values.emplace(name, value);
    }
    e.bytes = bytes;
    return true;
  });
  // Another request may have ended it meanwhile: then there is nobody to keep it for.
  if (!kept.value_or(true)) {
    throw std::length_error("a session would have more bytes than session_limits::bytes, " + std::to_string(limit));
  }
}

void session::erase(std::string_view name) {
  if (!exists()) return;
  if (keys_ != nullptr) {
    value_map changed = own_;
    if (const auto found = changed.find(name); found != changed.end()) {
      changed.erase(found);
      keep(std::move(changed));
    }
    return;
  }
  store_->sessions_.visit(id_, [&](session_store::entry& e) {
    const auto found = e.values.find(name);
    if (found == e.values.end()) return;
    e.bytes -= found->first.size() + found->second.size();
    e.values.erase(found);
  });
}

void session::renew() {
  if (keys_ != nullptr) {
    value_map changed = own_;
    if (const auto token = changed.find(token_name); token != changed.end()) changed.erase(token);
    keep(std::move(changed));
    return;
  }
  if (!exists()) {
    begin();
    return;
  }
  auto values = store_->sessions_.find(id_);
  std::string before = std::exchange(id_, {});
  begun_ = false;
  store_->sessions_.erase(before);
  begin();
  if (!values) return;
  // A token that was known before is none of the new session's.
  if (const auto token = values->values.find(token_name); token != values->values.end()) {
    values->bytes -= token->first.size() + token->second.size();
    values->values.erase(token);
  }
  values->used = now();
  store_->sessions_.visit(id_, [&](session_store::entry& e) { e = std::move(*values); });
}

void session::end() {
  if (!exists()) return;
  if (store_ != nullptr) store_->sessions_.erase(id_);
  id_.clear();
  own_.clear();
  begun_ = false;
  const std::string begin = std::string(cookie_) + "=";
  response_->replace_cookie(begin, detail::cookie_text(cookie_, {}, {.max_age = duration(), .secure = secure_}));
}

std::string session::csrf_token() {
  if (auto token = get(token_name)) return std::move(*token);
  set(token_name, random_text());
  return get(token_name).value_or(std::string());
}

void session::check_csrf_token(std::string_view given) const {
  const auto token = get(token_name);
  if (!token || !detail::is_secret(given, *token)) {
    throw status_error(403, "the form is out of date: load its page again", "a form without its session's token");
  }
}

void sessions::operator()(request& rq, response& rs) const {
  const bool secure = cookie_.always_secure || rq.scheme() == "https";
  if (keys_ != nullptr) {
    rq.emplace<session>(*keys_, idle_, rq, rs, cookie_.name, secure);
  } else {
    rq.emplace<session>(*store_, rq, rs, cookie_.name, secure);
  }
}

}  // namespace wring::http
