// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/middleware/rate_limit.hpp>

namespace wring::http {

namespace {

/// The bytes of a peer's address that count, as text.
std::string_view key_of(std::span<const unsigned char> address) noexcept {
  constexpr std::size_t of_ipv6 = 8;
  const std::size_t size = address.size() == 16 ? of_ipv6 : address.size();
  return {reinterpret_cast<const char*>(address.data()), size};
}

}  // namespace

rate_limits::rate_limits(const rate_limit_options& options) : options_(options), clients_(options.clients) {
  if (options.requests == 0 || options.burst == 0 || options.period <= duration() || options.period == forever) {
    throw std::invalid_argument("rate_limits: requests and burst must be at least 1, and the period positive");
  }
}

duration rate_limits::take_from(client& of, std::int64_t now) const noexcept {
  if (!of.bucket) of.bucket.emplace(options_.requests, options_.period.count(), options_.burst);
  of.bucket->advance(now);
  if (of.bucket->take(1)) return {};
  return std::chrono::nanoseconds(std::max<std::int64_t>(of.bucket->due(1) - now, 1));
}

duration rate_limits::take(std::string_view key, std::int64_t now) {
  const std::string name(key);  // short ones, as addresses are, are not allocated
  const auto count = [&](client& of) { return take_from(of, now); };
  if (const std::optional<duration> wait = clients_.update(name, count)) return *wait;
  const std::lock_guard lock(mutex_);
  // Looking at all of them takes long: once in a period is enough.
  if (now - forgotten_ >= options_.period.count() || forgotten_ == 0) {
    forgotten_ = now;
    forget_idle(now);
    if (const std::optional<duration> wait = clients_.update(name, count)) return *wait;
  }
  return take_from(others_, now);
}

void rate_limits::forget_idle(std::int64_t now) {
  clients_.erase_if([&](const std::string&, client& of) {
    of.bucket->advance(now);
    return of.bucket->level() >= options_.burst;
  });
}

verdict rate_limit::operator()(request& rq, response& rs) const {
  const error_address address = rq.peer().address;
  const std::string_view client = client_ ? client_(rq) : key_of(address.ip_bytes());
  if (client_ && client.empty()) return pass;
  const duration wait = limits_->take(client, scheduler::current().turn_time());
  if (wait == duration()) return pass;
  constexpr std::int64_t second = 1'000'000'000;
  rs.fail(429);
  rs.header("Retry-After", std::to_string((wait.count() + second - 1) / second));
  return answered;
}

}  // namespace wring::http
