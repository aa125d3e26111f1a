// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/detail/ip_text.hpp>
#include <wring/protocols/http/detail/access_line.hpp>

namespace wring::http::detail {

namespace {

// Each byte may become four, and six in JSON.
constexpr std::size_t most_of_target = 1024;
constexpr std::size_t most_of_text = 256;

struct calendar {
  explicit calendar(std::chrono::system_clock::time_point time) noexcept {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day d(day);
    const auto of_day = floor<milliseconds>(time - day);
    year = static_cast<int>(d.year());
    month = static_cast<unsigned>(d.month());
    date = static_cast<unsigned>(d.day());
    millisecond = static_cast<unsigned>(of_day.count());
  }
  [[nodiscard]] unsigned hour() const noexcept { return millisecond / 3'600'000; }
  [[nodiscard]] unsigned minute() const noexcept { return millisecond / 60'000 % 60; }
  [[nodiscard]] unsigned second() const noexcept { return millisecond / 1000 % 60; }

  int year;
  unsigned month;
  unsigned date;
  unsigned millisecond;  // of the day
};

void append_number(std::string& to, std::uint64_t number, std::size_t least_digits = 1) {
  std::array<char, 20> digits;
  std::size_t at = digits.size();
  while (number != 0 || digits.size() - at < least_digits) {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  to.append(digits.data() + at, digits.size() - at);
}

void append_peer(std::string& to, const error_address& peer) {
  const auto bytes = peer.ip_bytes();
  if (bytes.size() == 4) {
    wring::detail::append_ipv4(to, bytes.first<4>());
  } else if (bytes.size() == 16) {
    wring::detail::append_ipv6(to, bytes.first<16>(), 0);
  } else {
    to += '-';
  }
}

/// In quotes already. Nothing of it can end them, or the line.
void append_escaped(std::string& to, std::string_view text, std::size_t most, bool json) {
  constexpr std::string_view digits = "0123456789abcdef";
  text = text.substr(0, most);
  const auto harmless = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  if (std::ranges::all_of(text, harmless)) {
    to += text;
    return;
  }
  for (const char c : text) {
    if (harmless(c)) {
      to += c;
    } else if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      to += json ? "\\u00" : "\\x";
      to += digits[byte / 16];
      to += digits[byte % 16];
    }
  }
}

void append_quoted(std::string& to, std::string_view text) {
  to += " \"";
  if (text.empty()) to += '-';
  append_escaped(to, text, most_of_text, false);
  to += '"';
}

void append_combined(std::string& to, const access_record& r) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  append_peer(to, r.peer);
  to += " - ";
  if (r.user.empty()) {
    to += '-';
  } else {
    // The blanks of a name would begin other columns.
    const std::size_t before = to.size();
    append_escaped(to, r.user, most_of_text, false);
    std::replace(to.begin() + static_cast<std::ptrdiff_t>(before), to.end(), ' ', '+');
  }
  const calendar when(r.time);
  to += " [";
  append_number(to, when.date, 2);
  to += '/';
  to += months[when.month - 1];
  to += '/';
  append_number(to, static_cast<std::uint64_t>(when.year), 4);
  to += ':';
  append_number(to, when.hour(), 2);
  to += ':';
  append_number(to, when.minute(), 2);
  to += ':';
  append_number(to, when.second(), 2);
  to += " +0000] \"";
  if (r.method.empty()) {
    to += '-';
  } else {
    append_escaped(to, r.method, most_of_text, false);
    to += ' ';
    append_escaped(to, r.target, most_of_target, false);
    to += r.minor == 0 ? " HTTP/1.0" : " HTTP/1.1";
  }
  to += "\" ";
  append_number(to, r.status);
  to += ' ';
  append_number(to, r.bytes);
  append_quoted(to, r.referer);
  append_quoted(to, r.agent);
  to += '\n';
}

void append_member(std::string& to, std::string_view name, std::string_view text, std::size_t most = most_of_text) {
  if (text.empty()) return;
  to += ",\"";
  to += name;
  to += "\":\"";
  append_escaped(to, text, most, true);
  to += '"';
}

void append_structured(std::string& to, const access_record& r) {
  const calendar when(r.time);
  fmt::format_to(std::back_inserter(to), R"({{"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","peer":")", when.year,
                 when.month, when.date, when.hour(), when.minute(), when.second(), when.millisecond % 1000);
  append_peer(to, r.peer);
  to += '"';
  append_member(to, "user", r.user);
  append_member(to, "method", r.method);
  append_member(to, "target", r.target, most_of_target);
  fmt::format_to(std::back_inserter(to), R"(,"version":"1.{}","status":{},"bytes":{},"microseconds":{})", r.minor,
                 r.status, r.bytes, r.elapsed / 1000);
  append_member(to, "referer", r.referer);
  append_member(to, "agent", r.agent);
  append_member(to, "id", r.id);
  if (r.cut) to += ",\"cut\":true";
  to += "}\n";
}

}  // namespace

void append_access_line(std::string& to, const access_record& r, access_log_format format) {
  if (format == access_log_format::combined) {
    append_combined(to, r);
  } else {
    append_structured(to, r);
  }
}

}  // namespace wring::http::detail
