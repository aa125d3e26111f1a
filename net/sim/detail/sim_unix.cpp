// SPDX-License-Identifier: MIT
// Calls and operations on the Unix sockets of a simulation.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <wring/net/sim/detail/sim_engine.hpp>

namespace wring::sim::detail {

namespace {

constexpr std::size_t most_passed = 253;  // SCM_MAX_FD

/// The address of a call; empty if it is no Unix socket's.
net::socket_address address_of(const ::sockaddr& address, std::uint32_t size) noexcept {
  if (address.sa_family != AF_UNIX || size > sizeof(::sockaddr_un)) return {};
  return net::socket_address::from_sockaddr(&address, size);
}

/// As many bytes of a message as there are, up to `most`.
std::string gathered(const ::msghdr& message, std::size_t most) {
  std::string all;
  for (const ::iovec& part : std::span(message.msg_iov, message.msg_iovlen)) {
    all.append(static_cast<const char*>(part.iov_base), std::min(part.iov_len, most - all.size()));
  }
  return all;
}

std::size_t size_of(const ::msghdr& message) noexcept {
  std::size_t sum = 0;
  for (const ::iovec& part : std::span(message.msg_iov, message.msg_iovlen)) sum += part.iov_len;
  return sum;
}

/// Writes to a message one after the other what there is room for.
class message_writer {
 public:
  explicit message_writer(::msghdr& into) noexcept : into_(into) {}

  /// How many bytes were written.
  std::size_t put(std::string_view bytes) noexcept {
    std::size_t copied = 0;
    while (copied != bytes.size() && part_ != into_.msg_iovlen) {
      const ::iovec& part = into_.msg_iov[part_];
      const std::size_t count = std::min(bytes.size() - copied, part.iov_len - used_);
      if (count != 0) std::memcpy(static_cast<char*>(part.iov_base) + used_, bytes.data() + copied, count);
      copied += count;
      used_ += count;
      if (used_ != part.iov_len) break;
      ++part_;
      used_ = 0;
    }
    return copied;
  }

 private:
  ::msghdr& into_;
  std::size_t part_ = 0;
  std::size_t used_ = 0;
};

/// Appends to the control data of a message, of which msg_controllen is what has been written.
class control_writer {
 public:
  explicit control_writer(::msghdr& into) noexcept
      : into_(into), room_(into.msg_control != nullptr ? std::exchange(into.msg_controllen, 0) : 0) {
    into.msg_controllen = 0;
  }

  [[nodiscard]] std::size_t room() const noexcept {
    const std::size_t left = room_ - into_.msg_controllen;
    return left < CMSG_LEN(0) ? 0 : left - CMSG_LEN(0);
  }
  void put(int type, const void* value, std::size_t size) noexcept {
    if (room() < size) {
      into_.msg_flags |= MSG_CTRUNC;
      return;
    }
    auto* const place = static_cast<std::byte*>(into_.msg_control) + into_.msg_controllen;
    const ::cmsghdr head{.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = type};
    std::memcpy(place, &head, sizeof head);
    std::memcpy(place + CMSG_LEN(0), value, size);
    into_.msg_controllen = std::min(room_, into_.msg_controllen + CMSG_SPACE(size));
  }

 private:
  ::msghdr& into_;
  std::size_t room_;
};

constexpr ::uid_t nobody = 65'534;  // of whom nothing is known

/// Every host is this process.
::ucred own_credentials() noexcept { return {.pid = ::getpid(), .uid = ::getuid(), .gid = ::getgid()}; }

}  // namespace

// Calls.

int sim_engine::open_unix(int type, int protocol) noexcept {
  if (type != SOCK_STREAM && type != SOCK_DGRAM) return not_simulated("Unix socket of type", type);
  if (protocol != 0 && protocol != PF_UNIX) return -EPROTONOSUPPORT;
  int fd = 0;
  if (socket* const s = open(fd)) {
    s->is = socket::nature::unix_socket;
    s->family = AF_UNIX;
    s->of_unix = std::make_shared<unix_socket>(type == SOCK_DGRAM, s);
    s->send_limit = s->receive_limit = s->of_unix->send_limit;
  }
  return note_opened(fd);
}

int sim_engine::open_socket_pair(int type, std::array<int, 2>& made) noexcept {
  made[0] = open_unix(type, 0);
  if (made[0] < 0) return made[0];
  made[1] = open_unix(type, 0);
  if (made[1] < 0) {
    close_descriptor(made[0]);
    return made[1];
  }
  unix_socket::pair(*find(made[0])->of_unix, *find(made[1])->of_unix);
  return 0;
}

int sim_engine::bind_unix(socket& s, const ::sockaddr& address, std::uint32_t size) noexcept {
  const net::socket_address wanted = address_of(address, size);
  return wanted.empty() ? -EINVAL : home_.names_of_unix.bind(*s.of_unix, wanted);
}

int sim_engine::bind_file(int fd, const ::sockaddr& address, std::uint32_t size, const socket_file_options& options,
                          socket_file& made) noexcept {
  socket* const s = find(fd);
  if (s == nullptr) return no_socket(fd, "bind");
  if (s->of_unix == nullptr) return -EAFNOSUPPORT;
  unix_names& names = home_.names_of_unix;
  const net::socket_address at = address_of(address, size);
  int r = bind(fd, address, size);
  if (r == -EADDRINUSE && options.replace_stale) {
    // Whoever serves it gets a connection that ends at once, as from the kernel's engines.
    const auto probe = std::make_shared<unix_socket>(s->of_unix->datagrams, nullptr);
    int found = 0;
    const auto server = names.find(at, probe->datagrams, found);
    if (server != nullptr) found = probe->connect(server);
    probe->close();
    if (found == -ECONNREFUSED) {
      names.remove_file(at.path());
      r = bind(fd, address, size);
    }
  }
  if (r < 0) return r;
  made = {.device = 1, .number = names.file_at(at.path())};
  if (options.backlog >= 0) r = listen(fd, options.backlog);
  if (r < 0) names.remove_file(at.path());
  return r;
}

void sim_engine::remove_file(const char* path, const socket_file& file) noexcept {
  unix_names& names = home_.names_of_unix;
  if (file.number != 0 && names.file_at(path) == file.number) names.remove_file(path);
}

int sim_engine::set_unix_option(socket& s, int level, int name, int value) noexcept {
  if (level == SOL_SOCKET && name == SO_PASSCRED) return s.of_unix->wants_credentials = value != 0, 0;
  return value != 0 ? -EOPNOTSUPP : 0;  // ports to share
}

std::optional<int> sim_engine::unix_option(socket& s, int name, std::span<std::byte> value) noexcept {
  unix_socket& u = *s.of_unix;
  const auto give = [value](const auto& found) {
    if (!value.empty()) std::memcpy(value.data(), &found, std::min(value.size(), sizeof found));
    return static_cast<int>(std::min(value.size(), sizeof found));
  };
  switch (name) {
    case SO_TYPE:
      return give(u.datagrams ? SOCK_DGRAM : SOCK_STREAM);
    case SO_PROTOCOL:
      return give(0);
    case SO_ACCEPTCONN:
      return give(u.listens ? 1 : 0);
    case SO_ERROR:
      return give(std::exchange(u.fault, 0));
    case SO_PASSCRED:
      return give(u.wants_credentials ? 1 : 0);
    case SO_PEERCRED: {
      constexpr ::ucred none{.pid = 0, .uid = ~::uid_t{0}, .gid = ~::gid_t{0}};
      return give(u.has_credentials ? own_credentials() : none);
    }
    case SO_PEERNAME: {
      if (!u.connected) return -ENOTCONN;
      const net::socket_address a = u.peer_name->empty() ? unnamed_unix() : *u.peer_name;
      if (a.size() < value.size()) return -EINVAL;
      std::memcpy(value.data(), a.data(), value.size());
      return static_cast<int>(value.size());
    }
    default:
      return std::nullopt;
  }
}

// Operations.

std::int32_t sim_engine::connect_unix(socket& s, const ::sockaddr& address, std::uint32_t size) {
  unix_socket& u = *s.of_unix;
  if (u.datagrams && address.sa_family == AF_UNSPEC) return u.disconnect(), 0;
  const net::socket_address to = address_of(address, size);
  if (to.empty() || to.is_unnamed()) return -EINVAL;
  if (u.wants_credentials && u.name->empty()) {
    if (const int r = home_.names_of_unix.bind(u, unnamed_unix()); r < 0) return r;
  }
  int result = 0;
  const auto there = home_.names_of_unix.find(to, u.datagrams, result);
  return there == nullptr ? result : u.connect(there);
}

std::int32_t sim_engine::accept_unix(socket& s, accepted_address* told) {
  unix_socket& u = *s.of_unix;
  if (u.datagrams) return -EOPNOTSUPP;
  if (!u.listens) return -EINVAL;
  if (u.arrived.empty()) return -EAGAIN;
  int fd = 0;
  socket* const taken = open(fd);
  if (taken == nullptr) return fd;
  taken->is = socket::nature::unix_socket;
  taken->family = AF_UNIX;
  taken->of_unix = std::move(u.arrived.front());
  u.arrived.pop_front();
  taken->of_unix->at = taken;
  taken->send_limit = taken->receive_limit = taken->of_unix->send_limit;
  if (told != nullptr) told->size = static_cast<std::uint32_t>(peer_address(fd, told->bytes));
  return fd;
}

std::int32_t sim_engine::send_unix(socket& s, const ::msghdr& message) {
  unix_socket& u = *s.of_unix;
  passed_sockets passed;
  if (const int r = take_passed(message, passed); r < 0) return r;
  const bool has_name = message.msg_name != nullptr && message.msg_namelen != 0;
  const std::size_t size = detail::size_of(message);
  if (!u.datagrams) {
    if (has_name) return u.connected ? -EISCONN : -EOPNOTSUPP;
    if (size == 0) return !u.connected ? -ENOTCONN : u.write_shut ? -EPIPE : 0;
    const std::int32_t room = u.sendable();
    if (room < 0) return room;
    std::size_t count = std::min(size, static_cast<std::size_t>(room));
    if (count > 1 && net_.happens(fault::partial_send, net_.chances().partial_send, home_)) {
      count = 1 + home_.fault_streams[static_cast<std::size_t>(fault::partial_send)].below(count - 1);
    }
    note_passed(passed, u.peer);
    u.send(gathered(message, count), std::move(passed));
    return note_sent(s, count);
  }
  std::shared_ptr<unix_socket> to;
  net::socket_address name;
  if (has_name) {
    name = address_of(*static_cast<const ::sockaddr*>(message.msg_name), message.msg_namelen);
    if (name.empty() || name.is_unnamed()) return -EINVAL;
  }
  if (u.wants_credentials && u.name->empty()) {
    if (const int r = home_.names_of_unix.bind(u, unnamed_unix()); r < 0) return r;
  }
  if (const std::int32_t r = u.may_send(size); r < 0) return r;
  if (has_name) {
    int result = 0;
    to = home_.names_of_unix.find(name, true, result);
    if (to == nullptr) return result;
  } else if (!u.connected) {
    return -ENOTCONN;
  }
  note_passed(passed, to != nullptr ? to : u.peer);
  const std::int32_t sent = u.send_datagram(to, gathered(message, size), std::move(passed));
  return sent < 0 ? sent : note_sent(s, size);
}

std::int32_t sim_engine::receive_unix(socket& s, ::msghdr& into, int flags) {
  unix_socket& u = *s.of_unix;
  const bool peeks = (flags & MSG_PEEK) != 0;
  into.msg_flags = 0;
  const std::int32_t there = u.receivable();
  if (there < 0) return there;
  if (u.queue.empty()) {
    into.msg_namelen = 0;
    put_control(s, into, false, {});
    return 0;
  }
  if (into.msg_name != nullptr) {
    const net::socket_address& from = *u.queue.front().from;
    std::memcpy(into.msg_name, from.data(), std::min<std::size_t>(into.msg_namelen, from.size()));
    into.msg_namelen = from.empty() ? 0 : from.size();
  }
  passed_sockets passed;
  const bool with_credentials = u.queue.front().with_credentials;
  message_writer writer(into);
  std::size_t sum = 0;
  if (u.datagrams) {
    unix_socket::piece& first = u.queue.front();
    sum = writer.put(first.bytes);
    if (sum != first.bytes.size()) into.msg_flags |= MSG_TRUNC;
    if ((flags & MSG_TRUNC) != 0) sum = first.bytes.size();
    passed = peeks ? first.passed : std::exchange(first.passed, {});
    if (!peeks) u.take(first.bytes.size());
  } else {
    std::size_t most = detail::size_of(into);
    if (most > 1 && net_.happens(fault::partial_receive, net_.chances().partial_receive, home_)) {
      most = 1 + home_.fault_streams[static_cast<std::size_t>(fault::partial_receive)].below(most - 1);
    }
    // Up to the end of the first piece that descriptors came with. Linux finds that one in any case where it peeks.
    std::size_t at = 0;
    while (at != u.queue.size() && (sum != most || peeks) && passed.empty()) {
      unix_socket::piece& next = u.queue[at];
      if (u.wants_credentials && next.with_credentials != with_credentials) break;
      const auto left = std::string_view(next.bytes).substr(next.taken);
      const std::size_t count = writer.put(left.substr(0, most - sum));
      sum += count;
      passed = peeks ? next.passed : std::exchange(next.passed, {});
      if (peeks) {
        ++at;
      } else {
        u.take(count);
        if (count != left.size()) break;
      }
    }
  }
  put_control(s, into, with_credentials, std::move(passed));
  return static_cast<std::int32_t>(sum);
}

// Descriptors that are passed on.

int sim_engine::take_passed(const ::msghdr& message, passed_sockets& passed) noexcept {
  auto& whole = const_cast<::msghdr&>(message);
  for (::cmsghdr* c = CMSG_FIRSTHDR(&whole); c != nullptr; c = CMSG_NXTHDR(&whole, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type != SCM_RIGHTS) return not_simulated("send with control data of type", c->cmsg_type);
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (passed.size() + count > most_passed) return -EINVAL;
    for (std::size_t i = 0; i != count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (find(fd) == nullptr) {
        return fd >= first_descriptor ? -EBADF : no_socket(fd, "pass a descriptor of the kernel (SCM_RIGHTS)");
      }
      passed.push_back(sockets_[static_cast<std::size_t>(fd - first_descriptor)]);
    }
  }
  return 0;
}

// Whoever may keep its own descriptors, in what it never receives, is known when all ends.
void sim_engine::note_passed(const passed_sockets& passed, std::weak_ptr<unix_socket> receiver) {
  if (passed.empty()) return;
  std::erase_if(keep_descriptors_, [](const auto& each) { return each.expired(); });
  keep_descriptors_.push_back(std::move(receiver));
}

std::int32_t sim_engine::note_sent(const socket& s, std::size_t bytes) {
  net_.record(home_, trace::kind::sent_locally, s.fd, s.of_unix->datagrams ? 1 : 0, static_cast<std::int64_t>(bytes));
  return static_cast<std::int32_t>(bytes);
}

void sim_engine::put_control(const socket& s, ::msghdr& into, bool with_credentials, passed_sockets&& passed) noexcept {
  control_writer control(into);
  if (s.of_unix->wants_credentials) {
    const ::ucred of_sender = with_credentials ? own_credentials() : ::ucred{.pid = 0, .uid = nobody, .gid = nobody};
    control.put(SCM_CREDENTIALS, &of_sender, sizeof of_sender);
  }
  if (passed.empty()) return;
  const std::size_t most = std::min(control.room() / sizeof(int), passed.size());
  std::array<int, most_passed> numbers{};
  std::size_t count = 0;
  while (count != most && (numbers[count] = number(passed[count])) >= 0) ++count;
  if (count != 0) control.put(SCM_RIGHTS, numbers.data(), count * sizeof(int));
  if (count != passed.size()) into.msg_flags |= MSG_CTRUNC;
}

}  // namespace wring::sim::detail
