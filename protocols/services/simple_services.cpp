// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/protocols/services/simple_services.hpp>

namespace wring::services {

namespace {

constexpr std::size_t printable = 95;  // the characters of ASCII from the space on

}  // namespace

std::array<char, chargen_line_size> chargen_line(std::size_t first) noexcept {
  std::array<char, chargen_line_size> line;
  for (std::size_t i = 0; i != chargen_line_size - 2; ++i) line[i] = static_cast<char>(' ' + (first + i) % printable);
  line[chargen_line_size - 2] = '\r';
  line[chargen_line_size - 1] = '\n';
  return line;
}

std::string daytime_text(std::chrono::system_clock::time_point now) {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  const auto day = floor<std::chrono::days>(now);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(now - day));
  return fmt::format("{} {} {:2} {:02}:{:02}:{:02} {}\r\n", days[weekday(day).c_encoding()],
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     static_cast<int>(date.year()));
}

std::array<std::byte, 4> time_bytes(std::chrono::system_clock::time_point now) noexcept {
  constexpr std::uint32_t from_1900_to_1970 = 2'208'988'800;
  const auto since = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const std::uint32_t seconds = static_cast<std::uint32_t>(since) + from_1900_to_1970;
  return {static_cast<std::byte>(seconds >> 24), static_cast<std::byte>(seconds >> 16),
          static_cast<std::byte>(seconds >> 8), static_cast<std::byte>(seconds)};
}

std::string who_text(std::span<const std::string> users) {
  std::string all;
  for (const std::string& user : users) all += user + "\r\n";
  return all;
}

task<> echo(net::stream_ref peer) {
  while (const auto chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}

task<> discard(net::stream_ref peer) {
  for (;;) {
    const auto chunk = co_await peer.read_some();
    if (!chunk) break;
  }
}

namespace {

task<> generate(net::stream_ref peer) {
  for (std::size_t first = 0;; ++first) {
    const std::array<char, chargen_line_size> line = chargen_line(first);
    const auto bytes = std::as_bytes(std::span(line));
    const auto written = co_await peer.write_all(bytes).result();
    if (!written) break;  // it has left
  }
}

}  // namespace

task<> chargen(net::stream_ref peer) {
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(discard, peer);
    co_await generate(peer);
    n.cancel();
  });
}

task<> daytime(net::stream_ref peer) {
  const std::string text = daytime_text(scheduler::current().engine().wall_now());
  co_await peer.write_all(text);
}

task<> time(net::stream_ref peer) {
  const std::array<std::byte, 4> seconds = time_bytes(scheduler::current().engine().wall_now());
  co_await peer.write_all(seconds);
}

task<> qotd::operator()(net::stream_ref peer) const { co_await peer.write_all(quote); }

task<> who::operator()(net::stream_ref peer) const {
  const std::string text = who_text(users);
  co_await peer.write_all(text);
}

}  // namespace wring::services
