// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <wring/core/sim/faults.hpp>
#include <wring/core/sim/random_stream.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/sim/detail/socket.hpp>
#include <wring/net/sim/detail/unix_names.hpp>

namespace wring::sim::detail {

class network;

/// A host as the network sees it.
class machine {
 public:
  machine(network& of, std::string called, std::uint32_t number, std::uint64_t seed);
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;
  virtual ~machine();

  /// It is its turn.
  virtual void step() = 0;

  network& in;
  const std::string name;
  const std::uint32_t index;
  const net::ip_address v4, v6;
  socket_owner* engine = nullptr;
  std::size_t descriptor_limit = 65'536;

  // Its clocks
  std::int64_t skew = 0;       // of the time of day, nanoseconds
  std::int64_t drift_ppm = 0;  // of both
  [[nodiscard]] std::int64_t clock_at(std::int64_t world_time) const noexcept;
  [[nodiscard]] std::int64_t world_time_of(std::int64_t clock) const noexcept;

  // Its addresses and ports
  [[nodiscard]] bool has(const net::ip_address& a) const noexcept { return a.is_loopback() || a == v4 || a == v6; }
  [[nodiscard]] net::ip_address source_for(const net::ip_address& destination) const noexcept;
  [[nodiscard]] socket* listener_at(const net::socket_address& a) noexcept;
  /// The socket for datagrams that takes what comes from there.
  [[nodiscard]] socket* receiver_of(const net::socket_address& to, const net::socket_address& from) noexcept;
  [[nodiscard]] bool taken(const socket& s, const net::socket_address& a, bool listening) const noexcept;
  /// A port that nobody uses; 0 if there is none.
  [[nodiscard]] std::uint16_t free_port() noexcept;
  void use_port(std::uint16_t port) { ++ports_[port]; }
  void release_port(std::uint16_t port) noexcept {
    if (const auto at = ports_.find(port); --at->second == 0) ports_.erase(at);
  }
  std::vector<socket*> bound;
  unix_names names_of_unix;

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  std::int64_t scheduled = never;  // when it is its turn next
  random_stream program_random;
  std::array<random_stream, faults> fault_streams;

 private:
  std::map<std::uint16_t, std::uint32_t> ports_;  // how often each is in use
  std::uint16_t next_port_;
};

}  // namespace wring::sim::detail
