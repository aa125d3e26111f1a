// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <wring/core/engine/engine.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/server_state.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http::detail {

bool server_state::is_host(std::string_view authority) const noexcept {
  const std::string_view host = without_port(authority);
  return std::ranges::any_of(hosts, [host](const std::string& name) { return equals_ignoring_case(name, host); });
}

duration server_state::lame_duck_left(scheduler& s) const noexcept {
  if (limits.lame_duck <= duration() || !s.stopping()) return duration();
  if (!stopped) return limits.lame_duck;  // just now
  const duration left(*stopped + limits.lame_duck - steady_clock::now());
  return std::max(duration(), left);
}

void server_state::render_date(scheduler& s, std::int64_t turn) noexcept {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto now = s.engine().wall_now();
  const auto second = floor<seconds>(now);
  const auto day = floor<std::chrono::days>(second);
  const year_month_day date(day);
  const hh_mm_ss time(second - day);
  fmt::format_to_n(beginning_.data(), beginning_.size(), "{}Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n",
                   status_line, days[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                   months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), time.hours().count(),
                   time.minutes().count(), time.seconds().count());
  date_from_ = turn;
  date_until_ = turn + duration_cast<nanoseconds>(second + seconds(1) - now).count();
}

}  // namespace wring::http::detail
