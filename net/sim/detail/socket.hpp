// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <wring/core/engine/engine.hpp>
#include <wring/net/sim/detail/byte_queue.hpp>
#include <wring/net/sim/detail/socket_owner.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::sim::detail {

class machine;
struct connection;
struct endpoint;
struct unix_socket;

/// What a socket for datagrams has besides.
struct datagram_end {
  struct arrived {
    net::socket_address from;
    net::ip_address to;
    std::string bytes;
  };
  /// What each takes of the receive buffer beside its bytes, as in Linux.
  static constexpr std::size_t overhead = 768;

  net::socket_address peer;  // that it is connected to, not mapped; empty if it is not
  std::deque<arrived> queue;
  std::size_t queued = 0;  // bytes, with the overhead
  int fault = 0;           // errno that has not been told yet
};

/// What descriptors stand for: one, or several where it has been passed on.
struct socket {
  enum class nature : std::uint8_t { fresh, listener, stream, signals, datagrams, unix_socket };

  socket(socket_owner& o, int number) noexcept : owner(&o), fd(number) {}
  socket(const socket&) = delete;
  socket& operator=(const socket&) = delete;
  ~socket() = default;

  /// Whether it has options of this level.
  [[nodiscard]] bool has_level(int level) const noexcept {
    if (of_unix != nullptr) return level == SOL_SOCKET;
    if (level == IPPROTO_TCP) return datagrams == nullptr;
    return level != IPPROTO_IPV6 || family == AF_INET6;
  }
  [[nodiscard]] int option(int level, int name, int otherwise = 0) const noexcept {
    for (const auto& [which, value] : options) {
      if (which == option_key(level, name)) return value;
    }
    return otherwise;
  }
  [[nodiscard]] static constexpr std::int64_t option_key(int level, int name) noexcept {
    return std::int64_t{level} << 32 | name;
  }

  nature is = nature::fresh;
  socket_owner* owner;
  const int fd;  // its first number
  int family = 0;
  net::socket_address bound;  // where it was bound to; empty if it was not
  bool v6_only = false;
  bool reuse_address = false;
  bool reuse_port = false;
  bool read_shut = false;  // while it was not connected
  bool write_shut = false;
  bool lingers = false;  // SO_LINGER is on
  int linger_seconds = 0;
  int send_limit = 256 * 1024;
  int receive_limit = 256 * 1024;
  std::vector<std::pair<std::int64_t, int>> options;  // others: level and name, value; most mean nothing
  std::vector<operation*> waiting;

  // A listener's
  std::size_t backlog = 0;
  std::deque<endpoint*> accepted;  // not taken yet
  // A stream's
  endpoint* end = nullptr;
  // A socket's for datagrams
  std::unique_ptr<datagram_end> datagrams;
  // A Unix socket's, of any kind
  std::shared_ptr<unix_socket> of_unix;
  // A signal source's
  ::sigset_t signals{};
  std::deque<int> pending;
};

/// What one end of a connection sends.
struct segment {
  enum class kind : std::uint8_t { data, end, reset, accept };
  std::int64_t due;
  kind is;
  std::string bytes;
};

/// One end of a connection. What it sends is bytes with the times of their arrival; a connection has no packets that a
/// program could tell.
struct endpoint {
  enum class phase : std::uint8_t { none, connecting, established };

  connection* of = nullptr;
  std::size_t side = 0;
  machine* home = nullptr;
  socket* at = nullptr;  // null: it has not been accepted yet, or is closed
  socket* queued_at = nullptr;
  phase is = phase::none;
  net::socket_address local, remote;  // never mapped ones
  bool own_port = false;              // `local` has a port of its own, not the listener's

  byte_queue received;
  int receive_limit = 256 * 1024;
  bool end_received = false;

  byte_queue unsent;
  int send_limit = 256 * 1024;
  bool end_queued = false;
  bool end_sent = false;
  std::deque<segment> flight;
  std::size_t flight_bytes = 0;
  std::int64_t last_due = 0;
  unsigned retries = 0;

  bool read_shut = false;
  bool dead = false;    // reset, or given up: nothing is sent or expected any more
  bool closed = false;  // by the program
  int fault = 0;        // errno that has not been told yet

  [[nodiscard]] endpoint& peer() const noexcept;
  /// Not any more once both ends have ended what they send.
  [[nodiscard]] bool is_connected() const noexcept {
    return is == phase::established && !dead && !(end_sent && end_received);
  }
  [[nodiscard]] std::size_t room() const noexcept {
    const auto limit = static_cast<std::size_t>(send_limit);
    return unsent.size() < limit ? limit - unsent.size() : 0;
  }
};

struct connection {
  std::uint64_t number = 0;
  std::uint32_t slot = 0;
  unsigned attempts = 0;  // of the connect
  std::array<endpoint, 2> ends;
};

/// An address as a socket of that family reports it.
[[nodiscard]] net::socket_address as_seen(const net::socket_address& a, int family) noexcept;

inline endpoint& endpoint::peer() const noexcept { return of->ends[1 - side]; }

}  // namespace wring::sim::detail
