// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <wring/core/detail/export.hpp>
#include <wring/net/serve_options.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring {
class scheduler;
}

namespace wring::http::detail {

/// A limit of a server's that a client has met.
enum class met_limit : std::uint8_t {
  max_target,
  max_head,
  head,
  max_body,
  body_progress,
  output_progress,
  route_timeout,
  count
};

/// A number that one thread changes and any thread may read.
class counter {
 public:
  void add(std::uint64_t more) noexcept { set(get() + more); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// What one server has counted. Its scheduler's thread writes, others read.
class WRING_API request_counts {
 public:
  static constexpr std::size_t methods = static_cast<std::size_t>(method::other) + 1;
  static constexpr std::size_t outcomes = 6;  ///< the first digit of the status less one; and none
  /// Upper ends of the durations' ranges, in nanoseconds; what is longer is in a range of its own.
  static constexpr std::array<std::int64_t, 14> range_ends{
      500'000,     1'000'000,   2'500'000,   5'000'000,     10'000'000,    25'000'000,    50'000'000,
      100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

  /// `connections` is read on the scheduler's thread, until `leave`.
  request_counts(const scheduler& home, const net::serve_counters& connections) noexcept
      : home_(&home), connections_(&connections) {}

  /// A request has ended. A status of 0: it was given no answer.
  void add_request(method m, int status, std::int64_t elapsed, std::uint64_t body, std::uint64_t sent) noexcept;
  void add_limit(met_limit l) noexcept { limits[static_cast<std::size_t>(l)].add(1); }
  void add_connection() noexcept {
    opened.add(1);
    copy_connections();
  }
  void remove_connection() noexcept {
    closed.add(1);
    copy_connections();
  }
  /// Where the caller is on that scheduler's thread, the numbers are those of now.
  void refresh(const scheduler* current) noexcept {
    if (current == home_) copy_connections();
  }
  /// The server ends.
  void leave() noexcept {
    copy_connections();
    connections_ = nullptr;
    home_ = nullptr;
  }

  // Beginning with a cache line of its own: another thread writes what is before it.
  alignas(64) std::array<std::array<counter, outcomes>, methods> requests;
  std::array<counter, range_ends.size() + 1> durations;
  counter nanoseconds;
  counter received;
  counter sent;
  std::array<counter, static_cast<std::size_t>(met_limit::count)> limits;
  counter opened;
  counter closed;
  // Copies of serve_counters.
  counter accepted;
  counter not_established;
  counter over_peer_limit;
  counter served;
  counter failed;
  counter peer_gone;
  counter cut;
  counter refused;

 private:
  void copy_connections() noexcept;

  std::atomic<const scheduler*> home_;
  const net::serve_counters* connections_;  // null: it has ended
};

}  // namespace wring::http::detail
