// SPDX-License-Identifier: MIT
// Unix sockets of a host. The order in which faults are looked for is Linux's.
#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <wring/net/sim/detail/socket.hpp>
#include <wring/net/sim/detail/unix_socket.hpp>

namespace wring::sim::detail {

namespace {

constexpr std::size_t most_datagrams = 10;  // net.unix.max_dgram_qlen
constexpr std::size_t most_in_piece = 32'768;
constexpr std::size_t most_backlog = 4096;  // net.core.somaxconn

}  // namespace

net::socket_address unnamed_unix() noexcept {
  constexpr ::sockaddr family{.sa_family = AF_UNIX, .sa_data = {}};
  return net::socket_address::from_sockaddr(&family, sizeof family.sa_family);
}

void unix_socket::wake() const {
  if (at != nullptr) at->owner->changed(*at);
}

void unix_socket::wake_held_up() {
  for (const auto& each : std::exchange(held_up, {})) {
    if (const auto sender = each.lock()) sender->wake();
  }
}

// Connections.

int unix_socket::listen(int most) noexcept {
  if (datagrams) return -EOPNOTSUPP;
  if (name->empty() || connected) return -EINVAL;
  listens = true;
  has_credentials = true;
  backlog = std::min(static_cast<std::size_t>(static_cast<unsigned>(most)), most_backlog);
  return 0;
}

void unix_socket::pair(unix_socket& a, unix_socket& b) {
  a.peer = b.weak_from_this();
  b.peer = a.weak_from_this();
  a.peer_name = b.name;
  b.peer_name = a.name;
  a.connected = b.connected = a.has_credentials = b.has_credentials = true;
}

int unix_socket::connect(const std::shared_ptr<unix_socket>& to) {
  if (datagrams) {
    if (!to->takes_from(*this)) return -EPERM;
    const auto old = peer.lock();
    const bool had_one = connected;
    peer = to;
    peer_name = to->name;
    connected = true;
    if (had_one && old != to) leave_peer(old);
    return 0;
  }
  if (!to->listens || to->read_shut) return -ECONNREFUSED;
  if (to->arrived.size() > to->backlog) return -EAGAIN;
  if (connected) return -EISCONN;
  if (listens) return -EINVAL;
  const auto server = std::make_shared<unix_socket>(false, nullptr);
  server->name = to->name;
  server->wants_credentials = to->wants_credentials;
  pair(*this, *server);
  to->arrived.push_back(server);
  to->wake();
  return 0;
}

void unix_socket::disconnect() {
  if (!std::exchange(connected, false)) return;
  leave_peer(std::exchange(peer, {}).lock());
}

// What has come from a peer that it has no longer is not received; the peer is told, if it has no other.
void unix_socket::leave_peer(const std::shared_ptr<unix_socket>& old) {
  if (queue.empty()) return;
  drop_all();
  wake_held_up();
  if (old != nullptr && old->peer.lock().get() == this) {
    old->fault = ECONNRESET;
    old->wake();
  }
}

int unix_socket::shut_down(bool reads, bool writes) {
  read_shut |= reads;
  write_shut |= writes;
  if (const auto there = datagrams ? nullptr : peer.lock()) {
    there->write_shut |= reads;
    there->read_shut |= writes;
    there->wake();
  }
  return 0;
}

void unix_socket::close() {
  at = nullptr;
  while (!arrived.empty()) {
    // As if each had been accepted, and closed with something unread.
    const auto waiting = std::move(arrived.front());
    arrived.pop_front();
    if (const auto client = waiting->peer.lock()) client->fault = ECONNRESET;
    waiting->close();
  }
  if (const auto there = datagrams ? nullptr : peer.lock()) {
    there->read_shut = there->write_shut = true;
    if (!queue.empty()) there->fault = ECONNRESET;
    there->wake();
  }
  drop_all();
  wake_held_up();
}

// Sending.

std::int32_t unix_socket::sendable() {
  if (!connected) return -ENOTCONN;
  if (write_shut) return -EPIPE;
  if (fault != 0) return -std::exchange(fault, 0);
  const auto limit = static_cast<std::size_t>(send_limit);
  if (charged >= limit) return -EAGAIN;
  const auto there = peer.lock();
  if (there == nullptr || there->read_shut) return -EPIPE;
  return static_cast<std::int32_t>(limit - charged);
}

void unix_socket::put(unix_socket& into, std::string bytes, std::vector<std::shared_ptr<socket>> passed) {
  into.queue.push_back({.sender = weak_from_this(),
                        .from = name,
                        .bytes = std::move(bytes),
                        .taken = 0,
                        .with_credentials = wants_credentials || into.wants_credentials || into.at == nullptr,
                        .passed = std::move(passed)});
  charged += into.queue.back().charge();
  into.wake();
}

void unix_socket::send(std::string bytes, std::vector<std::shared_ptr<socket>> passed) {
  const auto there = peer.lock();
  const std::size_t most = std::min(most_in_piece, static_cast<std::size_t>(send_limit) / 2 - 64);
  for (std::size_t from = 0; from < bytes.size(); from += most) {
    put(*there, bytes.substr(from, most), std::exchange(passed, {}));
  }
}

std::int32_t unix_socket::may_send(std::size_t bytes) {
  if (bytes + 32 > static_cast<std::size_t>(send_limit)) return -EMSGSIZE;
  if (fault != 0) return -std::exchange(fault, 0);
  if (write_shut) return -EPIPE;
  return charged >= static_cast<std::size_t>(send_limit) ? -EAGAIN : 0;
}

bool unix_socket::is_full_for(const unix_socket& sender) const noexcept {
  return this != &sender && peer.lock().get() != &sender && queue.size() > most_datagrams;
}

std::int32_t unix_socket::send_datagram(const std::shared_ptr<unix_socket>& to, std::string bytes,
                                        std::vector<std::shared_ptr<socket>> passed) {
  const auto there = to != nullptr ? to : peer.lock();
  if (there == nullptr) {
    disconnect();
    return -ECONNREFUSED;
  }
  if (!there->takes_from(*this)) return -EPERM;
  if (there->read_shut) return -EPIPE;
  if (there->is_full_for(*this)) {
    there->held_up.push_back(weak_from_this());
    return -EAGAIN;
  }
  const auto size = static_cast<std::int32_t>(bytes.size());
  put(*there, std::move(bytes), std::move(passed));
  return size;
}

// Receiving.

std::int32_t unix_socket::receivable() {
  if (!datagrams && !connected) return -EINVAL;
  if (datagrams && fault != 0) return -std::exchange(fault, 0);
  if (!queue.empty()) return static_cast<std::int32_t>(queue.front().bytes.size() - queue.front().taken);
  if (fault != 0) return -std::exchange(fault, 0);
  return !datagrams && read_shut ? 0 : -EAGAIN;
}

void unix_socket::take(std::size_t bytes) {
  piece& first = queue.front();
  first.taken += bytes;
  if (!datagrams && first.taken != first.bytes.size()) return;
  drop_first();
  wake_held_up();
}

void unix_socket::drop_first() {
  const piece first = std::move(queue.front());
  queue.pop_front();
  const auto sender = first.sender.lock();
  if (sender == nullptr) return;
  sender->charged -= first.charge();
  if (sender->is_writable()) sender->wake();
}

void unix_socket::drop_all() {
  while (!queue.empty()) drop_first();
}

std::uint32_t unix_socket::polled() {
  std::uint32_t found = 0;
  if (fault != 0) found |= POLLERR;
  if (read_shut && write_shut) found |= POLLHUP;
  if (read_shut) found |= POLLRDHUP | POLLIN | POLLRDNORM;
  if (!queue.empty() || !arrived.empty()) found |= POLLIN | POLLRDNORM;
  if (!datagrams && !connected && !listens) found |= POLLHUP;
  if (listens || !is_writable()) return found;
  if (const auto there = datagrams ? peer.lock() : nullptr; there != nullptr && there->is_full_for(*this)) {
    there->held_up.push_back(weak_from_this());
    return found;
  }
  return found | POLLOUT | POLLWRNORM | POLLWRBAND;
}

}  // namespace wring::sim::detail
