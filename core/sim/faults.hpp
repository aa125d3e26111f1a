// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>

namespace wring::sim {

/// What a world does to the programs in it. Everything here may happen to them outside of it, too.
enum class fault : std::uint8_t {
  loss,             ///< a segment of TCP is lost, and so comes late: 200 ms, 400 ms, ...
  partial_send,     ///< a send takes a part, although there is room
  partial_receive,  ///< a receive brings a part of what is there
  no_room,          ///< a send that does not wait takes nothing, although there is room
  late,             ///< a completion comes late
  reorder,          ///< completions of different operations come in another order
  stop_succeeds,    ///< an operation that is cancelled ends with a success that came first
  early_end,        ///< a multishot operation ends by itself
  reset,            ///< a connection is reset, and both ends are told
  half_open,        ///< a connection is reset, and one end is told; the other learns when it sends
  clog,             ///< nothing arrives from one host at another for a while
  partition,        ///< some hosts are separated from the others for a while
  datagram_loss,    ///< a datagram is lost
  datagram_twice,   ///< a datagram arrives twice
  datagram_late,    ///< a datagram arrives after some that were sent later
};
inline constexpr std::size_t faults = static_cast<std::size_t>(fault::datagram_late) + 1;

/// "loss", "partial send", ...
[[nodiscard]] WRING_API const char* to_string(fault f) noexcept;

/// How often each fault happens: times in a million opportunities, or one in a time on average. None, by default.
struct fault_options {
  std::uint32_t loss = 0;             ///< segments between hosts
  std::uint32_t partial_send = 0;     ///< sends
  std::uint32_t partial_receive = 0;  ///< receives
  std::uint32_t no_room = 0;          ///< sends that do not wait
  std::uint32_t late = 0;             ///< completions and timers
  duration latest = std::chrono::milliseconds(5);
  std::uint32_t reorder = 0;        ///< completions
  std::uint32_t stop_succeeds = 0;  ///< cancelled operations
  std::uint32_t early_end = 0;      ///< completions of multishot receives
  std::uint32_t reset = 0;          ///< segments between hosts
  std::uint32_t half_open = 0;      ///< segments between hosts
  duration clog_every = forever;
  duration clog_lasts = std::chrono::seconds(1);  ///< on average
  duration partition_every = forever;
  duration partition_lasts = std::chrono::seconds(10);  ///< on average
  std::uint32_t datagram_loss = 0;                      ///< datagrams between hosts
  std::uint32_t datagram_twice = 0;                     ///< the same
  std::uint32_t datagram_late = 0;                      ///< the same

  /// All of them, each so often that a minute of a few busy hosts meets it.
  [[nodiscard]] WRING_API static fault_options all() noexcept;
  /// Whether this one may happen.
  [[nodiscard]] WRING_API bool has(fault f) const noexcept;
};
static_assert(std::is_trivially_destructible_v<fault_options>);

/// How often each fault has happened.
class fault_counts {
 public:
  [[nodiscard]] std::uint64_t operator[](fault f) const noexcept { return counts_[static_cast<std::size_t>(f)]; }
  /// Counts that it has happened, or has happened so often.
  void add(fault f, std::uint64_t times = 1) noexcept { counts_[static_cast<std::size_t>(f)] += times; }

 private:
  std::array<std::uint64_t, faults> counts_{};
};

}  // namespace wring::sim
