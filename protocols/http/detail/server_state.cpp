// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

#include <wring/core/engine/engine.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/server_state.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http::detail {

namespace {

void put_two_digits(char* at, unsigned number) noexcept {
  at[0] = static_cast<char>('0' + number / 10 % 10);
  at[1] = static_cast<char>('0' + number % 10);
}

}  // namespace

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
  constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
  constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto now = s.engine().wall_now();
  const auto second = floor<seconds>(now);
  const auto day = floor<std::chrono::days>(second);
  const year_month_day date(day);
  const hh_mm_ss time(second - day);
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  char* const at = beginning_.data() + status_line.size() + date_form.find("Sun");
  day_names.copy(at, 3, std::size_t{3} * weekday(day).c_encoding());
  put_two_digits(at + 5, static_cast<unsigned>(date.day()));
  month_names.copy(at + 8, 3, std::size_t{3} * (static_cast<unsigned>(date.month()) - 1));
  put_two_digits(at + 12, year / 100);
  put_two_digits(at + 14, year % 100);
  put_two_digits(at + 17, static_cast<unsigned>(time.hours().count()));
  put_two_digits(at + 20, static_cast<unsigned>(time.minutes().count()));
  put_two_digits(at + 23, static_cast<unsigned>(time.seconds().count()));
  date_from_ = turn;
  date_until_ = turn + duration_cast<nanoseconds>(second + seconds(1) - now).count();
}

}  // namespace wring::http::detail
