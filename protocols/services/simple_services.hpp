// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>

/// The small services that every host once had, for tests of networks and of programs: as handlers of `serve` here, and
/// as protocols in callback/simple_services.hpp.
///
///     co_await wring::net::serve(listener, wring::services::echo);
namespace wring::services {

/// Sends back what comes, until the peer ends (RFC 862).
[[nodiscard]] WRING_API task<> echo(net::stream_ref peer);
/// Drops what comes, until the peer ends (RFC 863).
[[nodiscard]] WRING_API task<> discard(net::stream_ref peer);
/// Sends lines of characters as fast as they are taken, until the peer leaves; drops what comes (RFC 864).
[[nodiscard]] WRING_API task<> chargen(net::stream_ref peer);
/// Sends the date and the time of day as text, and closes (RFC 867).
[[nodiscard]] WRING_API task<> daytime(net::stream_ref peer);
/// Sends the time as a number, and closes (RFC 868).
[[nodiscard]] WRING_API task<> time(net::stream_ref peer);

/// Sends a text, and closes (RFC 865):
///
///     co_await wring::net::serve(listener, wring::services::qotd{"An apple a day keeps the doctor away\r\n"});
struct WRING_API qotd {
  std::string quote;
  [[nodiscard]] task<> operator()(net::stream_ref peer) const;
};

/// Sends the names of users, a line each, and closes: "active users" of RFC 866.
struct WRING_API who {
  std::vector<std::string> users;
  [[nodiscard]] task<> operator()(net::stream_ref peer) const;
};

// --- What they send ---

/// Characters of a line of chargen, and its "\r\n".
inline constexpr std::size_t chargen_line_size = 74;
/// A line of chargen: 72 of the 95 printable characters of ASCII, the first of which is `first` after the space.
[[nodiscard]] WRING_API std::array<char, chargen_line_size> chargen_line(std::size_t first) noexcept;
/// "Wed Sep  9 01:46:40 2020" in UTC, with "\r\n".
[[nodiscard]] WRING_API std::string daytime_text(std::chrono::system_clock::time_point now);
/// Seconds since 1900 in 32 bits, the most significant byte first: they begin anew in 2036.
[[nodiscard]] WRING_API std::array<std::byte, 4> time_bytes(std::chrono::system_clock::time_point now) noexcept;
/// The lines of `who`.
[[nodiscard]] WRING_API std::string who_text(std::span<const std::string> users);

}  // namespace wring::services
