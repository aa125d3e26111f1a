// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/middleware/request_ids.hpp>

namespace wring::http {

namespace {

constexpr std::size_t most_of_id = 128;
constexpr std::string_view digits = "0123456789abcdef";

bool is_id(std::string_view text) noexcept {
  if (text.empty() || text.size() > most_of_id) return false;
  return std::ranges::all_of(text, [](char c) {
    const char l = detail::lower(c);
    return (l >= 'a' && l <= 'z') || detail::is_digit(c) ||
           std::string_view("-_.+/=").find(c) != std::string_view::npos;
  });
}

/// What is made for a request: a slot, so that it lives as long.
struct made_id {
  std::array<char, 32> text;
};

}  // namespace

void request_ids::operator()(request& rq, response& rs) {
  const std::optional<std::string_view> given = options_.trust_request ? rq.header("x-request-id") : std::nullopt;
  if (given && is_id(*given)) {
    rq.emplace<request_id>(*given);
    rs.header("X-Request-Id", *given);
    return;
  }
  if (count_++ == 0) {
    std::array<std::byte, 8> random;
    scheduler::current().engine().random(random);
    for (std::size_t i = 0; i < random.size(); ++i) {
      const auto byte = std::to_integer<std::size_t>(random[i]);
      prefix_[2 * i] = digits[byte / 16];
      prefix_[2 * i + 1] = digits[byte % 16];
    }
  }
  made_id& made = rq.emplace<made_id>();
  std::ranges::copy(prefix_, made.text.begin());
  std::uint64_t number = count_;
  for (std::size_t i = made.text.size(); i-- != prefix_.size(); number /= 16) made.text[i] = digits[number % 16];
  const std::string_view text(made.text.data(), made.text.size());
  rq.emplace<request_id>(text);
  rs.header("X-Request-Id", text);
}

}  // namespace wring::http
