// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <wring/net/socket_address.hpp>

namespace wring::sim::detail {

struct socket;

/// A socket of the family AF_UNIX, as Linux has it: what is sent is at once in its receiver's queue, and counts against
/// the sender's buffer until it has been received. One that has been connected to, and is not accepted yet, has no
/// descriptor. Results are values, or -errno.
struct unix_socket : std::enable_shared_from_this<unix_socket> {
  /// What one send has put into a queue.
  struct piece {
    std::weak_ptr<unix_socket> sender;
    std::shared_ptr<const net::socket_address> from;  // the sender's name, also one that it has got later
    std::string bytes;
    std::size_t taken = 0;                        // of the bytes, by a stream
    bool with_credentials = false;                // somebody wanted them when it was sent
    std::vector<std::shared_ptr<socket>> passed;  // descriptors
    /// What it takes of the sender's buffer.
    [[nodiscard]] std::size_t charge() const noexcept { return bytes.size() + 768; }
  };

  unix_socket(bool for_datagrams, socket* open) noexcept : datagrams(for_datagrams), at(open) {}
  unix_socket(const unix_socket&) = delete;
  unix_socket& operator=(const unix_socket&) = delete;
  ~unix_socket() = default;

  const bool datagrams;
  socket* at;  // what is waked; null: it has not been accepted
  /// Empty: it has none. Whoever has to do with the socket keeps it.
  std::shared_ptr<net::socket_address> name = std::make_shared<net::socket_address>();
  std::shared_ptr<const net::socket_address> peer_name;  // null: it has never had a peer
  std::weak_ptr<unix_socket> peer;
  bool connected = false;  // a stream's stays so; datagrams' end when it is told that the peer has gone
  bool listens = false;
  bool read_shut = false;
  bool write_shut = false;
  bool wants_credentials = false;  // SO_PASSCRED
  bool has_credentials = false;    // of its peer
  int fault = 0;                   // errno that has not been told yet
  int send_limit = 212'992;        // net.core.wmem_default
  std::size_t charged = 0;         // what it has sent and nobody has received
  std::deque<piece> queue;
  std::size_t backlog = 0;
  std::deque<std::shared_ptr<unix_socket>> arrived;  // connections, not accepted yet
  std::vector<std::weak_ptr<unix_socket>> held_up;   // that have found its queue full

  [[nodiscard]] int listen(int most) noexcept;
  /// Of a stream to one that listens, and of one for datagrams to another.
  [[nodiscard]] int connect(const std::shared_ptr<unix_socket>& to);
  /// Of datagrams: it has no peer any more.
  void disconnect();
  static void pair(unix_socket& a, unix_socket& b);
  [[nodiscard]] int shut_down(bool reads, bool writes);
  /// Nobody has it open any more.
  void close();

  /// How many bytes a stream takes at least.
  [[nodiscard]] std::int32_t sendable();
  /// To its peer; there must be room.
  void send(std::string bytes, std::vector<std::shared_ptr<socket>> passed);
  /// Sends a datagram: to `to`, or to its peer if that is null.
  [[nodiscard]] std::int32_t send_datagram(const std::shared_ptr<unix_socket>& to, std::string bytes,
                                           std::vector<std::shared_ptr<socket>> passed);
  /// Whether it may send a datagram of this size, whoever the receiver is.
  [[nodiscard]] std::int32_t may_send(std::size_t bytes);
  /// How many bytes the first piece has, which may be none for a datagram's; -EAGAIN if there is no piece. A fault is
  /// told with that. 0 at a stream's end.
  [[nodiscard]] std::int32_t receivable();
  /// Takes this many bytes from the first piece of a stream, and the piece if none is left; or all of a datagram.
  void take(std::size_t bytes);
  [[nodiscard]] std::uint32_t polled();

 private:
  void put(unix_socket& into, std::string bytes, std::vector<std::shared_ptr<socket>> passed);
  void drop_first();
  void drop_all();
  [[nodiscard]] bool is_writable() const noexcept { return charged * 4 <= static_cast<std::size_t>(send_limit); }
  [[nodiscard]] bool takes_from(const unix_socket& sender) const noexcept {
    return !connected || peer.lock().get() == &sender;
  }
  [[nodiscard]] bool is_full_for(const unix_socket& sender) const noexcept;
  void leave_peer(const std::shared_ptr<unix_socket>& old);
  void wake() const;
  void wake_held_up();
};

/// The address of a Unix socket without a name.
[[nodiscard]] net::socket_address unnamed_unix() noexcept;

}  // namespace wring::sim::detail
