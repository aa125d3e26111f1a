// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>

#include <wring/protocols/http/content/date.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http {

namespace {

using namespace std::chrono;

constexpr std::string_view short_days = "SunMonTueWedThuFriSat";
constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

char* put_two_digits(char* at, unsigned number) noexcept {
  *at++ = static_cast<char>('0' + number / 10 % 10);
  *at++ = static_cast<char>('0' + number % 10);
  return at;
}

/// What a date is read from, left to right. After a mistake everything fails.
class reader {
 public:
  explicit reader(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool ok() const noexcept { return ok_ && text_.empty(); }

  void expect(std::string_view literal) noexcept {
    ok_ = ok_ && text_.starts_with(literal);
    if (ok_) text_.remove_prefix(literal.size());
  }
  unsigned number(std::size_t digits) noexcept {
    unsigned value = 0;
    ok_ = ok_ && text_.size() >= digits;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      ok_ = detail::is_digit(text_[i]);
      value = value * 10 + static_cast<unsigned>(text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(digits);
    return value;
  }
  /// The place of the next three characters among `names`.
  unsigned name_of_three(std::string_view names) noexcept {
    ok_ = ok_ && text_.size() >= 3;
    for (std::size_t i = 0; ok_ && i < names.size(); i += 3) {
      if (text_.substr(0, 3) != names.substr(i, 3)) continue;
      text_.remove_prefix(3);
      return static_cast<unsigned>(i / 3);
    }
    ok_ = false;
    return 0;
  }
  hh_mm_ss<seconds> time() noexcept {
    const unsigned hour = number(2);
    expect(":");
    const unsigned minute = number(2);
    expect(":");
    const unsigned second = number(2);
    // A leap second is the one before it, as for the system's clock.
    ok_ = ok_ && hour < 24 && minute < 60 && second <= 60;
    return hh_mm_ss<seconds>(hours(hour) + minutes(minute) + seconds(second == 60 ? 59 : second));
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

std::optional<sys_seconds> made_of(const reader& r, unsigned year, unsigned month, unsigned day,
                                   const hh_mm_ss<seconds>& time) noexcept {
  const year_month_day date(std::chrono::year(static_cast<int>(year)), std::chrono::month(month + 1),
                            std::chrono::day(day));
  if (!r.ok() || !date.ok()) return std::nullopt;
  return sys_days(date) + time.to_duration();
}

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<sys_seconds> parse_fixed(std::string_view text) noexcept {
  reader r(text);
  r.name_of_three(short_days);
  r.expect(", ");
  const unsigned day = r.number(2);
  r.expect(" ");
  const unsigned month = r.name_of_three(months);
  r.expect(" ");
  const unsigned year = r.number(4);
  r.expect(" ");
  const auto time = r.time();
  r.expect(" GMT");
  return made_of(r, year, month, day, time);
}

/// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<sys_seconds> parse_rfc850(std::string_view text, sys_seconds now) noexcept {
  const std::size_t comma = text.find(',');
  bool is_day = false;
  for (const std::string_view name : long_days) is_day = is_day || text.substr(0, comma) == name;
  if (!is_day) return std::nullopt;
  reader r(text.substr(comma));
  r.expect(", ");
  const unsigned day = r.number(2);
  r.expect("-");
  const unsigned month = r.name_of_three(months);
  r.expect("-");
  const unsigned two_digits = r.number(2);
  r.expect(" ");
  const auto time = r.time();
  r.expect(" GMT");
  const int this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
  int year = this_year / 100 * 100 + static_cast<int>(two_digits);
  while (year > this_year + 50) year -= 100;
  while (year <= this_year - 50) year += 100;
  return made_of(r, static_cast<unsigned>(year), month, day, time);
}

/// "Sun Nov  6 08:49:37 1994"
std::optional<sys_seconds> parse_asctime(std::string_view text) noexcept {
  reader r(text);
  r.name_of_three(short_days);
  r.expect(" ");
  const unsigned month = r.name_of_three(months);
  const bool one_digit = text.size() > 8 && text[8] == ' ';
  r.expect(one_digit ? "  " : " ");
  const unsigned day = r.number(one_digit ? 1 : 2);
  r.expect(" ");
  const auto time = r.time();
  r.expect(" ");
  const unsigned year = r.number(4);
  return made_of(r, year, month, day, time);
}

}  // namespace

char* detail::put_date(char* at, sys_seconds time) noexcept {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<seconds> clock(time - day);
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  const auto put = [&at](std::string_view text) { at += text.copy(at, text.size()); };
  put(short_days.substr(std::size_t{3} * weekday(day).c_encoding(), 3));
  put(", ");
  at = put_two_digits(at, static_cast<unsigned>(date.day()));
  put(" ");
  put(months.substr(std::size_t{3} * (static_cast<unsigned>(date.month()) - 1), 3));
  put(" ");
  at = put_two_digits(put_two_digits(at, year / 100), year % 100);
  put(" ");
  at = put_two_digits(at, static_cast<unsigned>(clock.hours().count()));
  put(":");
  at = put_two_digits(at, static_cast<unsigned>(clock.minutes().count()));
  put(":");
  at = put_two_digits(at, static_cast<unsigned>(clock.seconds().count()));
  put(" GMT");
  return at;
}

std::string format_date(sys_seconds time) {
  std::string text(detail::date_size, '\0');
  detail::put_date(text.data(), time);
  return text;
}

std::optional<sys_seconds> parse_date(std::string_view text, sys_seconds now) noexcept {
  if (text.size() > 3 && text[3] == ',') return parse_fixed(text);
  if (text.find(',') != std::string_view::npos) return parse_rfc850(text, now);
  return parse_asctime(text);
}

}  // namespace wring::http
