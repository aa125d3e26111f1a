// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <wring/core/engine/attempt.hpp>
#include <wring/core/engine/nonblocking_for_now.hpp>

namespace wring::detail {

namespace {

/// The result of a system call that is repeated when a signal interrupts it.
template <class Call>
std::int32_t outcome_of(Call call) noexcept {
  for (;;) {
    const auto r = call();
    if (r >= 0) return static_cast<std::int32_t>(r);
    if (errno == EAGAIN) return must_wait;
    if (errno != EINTR) return -errno;
  }
}

// A listener must not block when another process was faster, and accept has no flag for that.
int make_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ((flags & O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) return -errno;
  return 0;
}

std::int32_t accept_one(const operation& op) noexcept {
  auto* const peer = static_cast<accepted_address*>(op.data);
  if (peer == nullptr) return outcome_of([&] { return ::accept4(op.fd, nullptr, nullptr, SOCK_CLOEXEC); });
  static_assert(sizeof peer->bytes >= sizeof(::sockaddr_storage) && sizeof(::socklen_t) == sizeof peer->size);
  return outcome_of([&] {
    peer->size = static_cast<::socklen_t>(peer->bytes.size());
    return ::accept4(op.fd, reinterpret_cast<::sockaddr*>(peer->bytes.data()), &peer->size, SOCK_CLOEXEC);
  });
}

std::int32_t polled(int fd, std::uint32_t events) noexcept {
  ::pollfd p{.fd = fd, .events = static_cast<short>(events), .revents = 0};
  const std::int32_t ready = outcome_of([&p] { return ::poll(&p, 1, 0); });
  if (ready < 0) return ready;
  if (fd < 0 || (p.revents & POLLNVAL) != 0) return -EBADF;
  return p.revents == 0 ? must_wait : static_cast<std::uint16_t>(p.revents);
}

/// A fault of an established connection, which the next operation will meet: the connect itself has succeeded.
bool was_connected(int fd) noexcept {
  ::tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_bytes_acked != 0;
}

std::int32_t end_connect(const operation& op) noexcept {
  const std::int32_t ready = polled(op.fd, POLLOUT);
  if (ready < 0 || (ready & POLLERR) == 0) return std::min(ready, 0);
  if (was_connected(op.fd)) return 0;
  int error_number = 0;
  socklen_t size = sizeof error_number;
  if (::getsockopt(op.fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) return -errno;
  return -error_number;
}

std::int32_t begin_connect(const operation& op) noexcept {
  {
    const nonblocking_for_now meanwhile(op.fd);
    if (::connect(op.fd, static_cast<const ::sockaddr*>(op.data), op.length) == 0) return 0;
    // EAGAIN is no promise here: a Unix listener's backlog is full, and nothing tells when it is not.
    if (errno != EINPROGRESS && errno != EINTR) return -errno;
  }
  return end_connect(op);  // over loopback it is done by now
}

bool is_file(int fd) noexcept {
  struct ::stat status;
  return ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) || S_ISDIR(status.st_mode));
}

::ssize_t transfer(const operation& op, std::int64_t at, int flags) noexcept {
  const ::iovec part{op.data, op.length};
  const bool reads = op.code == op_code::read;
  ::ssize_t r = reads ? ::preadv2(op.fd, &part, 1, at, flags) : ::pwritev2(op.fd, &part, 1, at, flags);
  // What has no positions is read and written where it is, as io_uring does.
  if (r < 0 && errno == ESPIPE) {
    r = reads ? ::preadv2(op.fd, &part, 1, -1, flags) : ::pwritev2(op.fd, &part, 1, -1, flags);
  }
  return r;
}

std::int32_t attempt_transfer(const operation& op, bool begun) noexcept {
  const bool file = !begun && is_file(op.fd);
  // A file would take a part without waiting: leave it whole.
  if (file && op.code == op_code::write) return must_block;
  const auto at = static_cast<std::int64_t>(op.offset);
  std::int32_t r = outcome_of([&] { return transfer(op, at, RWF_NOWAIT); });
  if (r == -EOPNOTSUPP || r == -ENOSYS) {
    if (file) return must_block;
    // Its mode is that of the open file description, which other processes may share and would see changed. A blocking
    // one is left to a thread once there is something to do: only where somebody else is faster that waits.
    if ((::fcntl(op.fd, F_GETFL) & O_NONBLOCK) == 0) {
      const std::int32_t ready = polled(op.fd, op.code == op_code::read ? POLLIN : POLLOUT);
      return ready >= 0 ? must_block : ready;
    }
    r = outcome_of([&] { return transfer(op, at, 0); });
  }
  return r == must_wait && file ? must_block : r;
}

/// Has a message received where io_uring puts it.
::msghdr message_into(std::span<std::byte> into, const message_buffers& buffers, ::iovec& part) noexcept {
  std::byte* const source = into.data() + sizeof(message_buffers::header);
  const std::span<std::byte> payload = into.subspan(buffers.payload_offset());
  part = {payload.data(), payload.size()};
  ::msghdr message{};
  message.msg_name = source;
  message.msg_namelen = message_buffers::source_room;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = source + message_buffers::source_room;
  message.msg_controllen = buffers.control_room();
  return message;
}

/// Writes what io_uring writes before it, and returns how much of the buffer is filled. `size`: with MSG_TRUNC the real
/// one.
std::int32_t put_header(std::span<std::byte> into, const message_buffers& buffers, const ::msghdr& message,
                        std::uint32_t size) noexcept {
  const message_buffers::header head{.source_size = message.msg_namelen,
                                     .control_size = static_cast<std::uint32_t>(message.msg_controllen),
                                     .payload_size = size,
                                     .flags = static_cast<std::uint32_t>(message.msg_flags)};
  std::memcpy(into.data(), &head, sizeof head);
  const std::size_t room = into.size() - buffers.payload_offset();
  return static_cast<std::int32_t>(buffers.payload_offset() + std::min<std::size_t>(room, size));
}

}  // namespace

std::int32_t attempt_accept(int fd) noexcept {
  const nonblocking_for_now meanwhile(fd);
  return outcome_of([&] { return ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); });
}

std::int32_t attempt_receive(int fd, std::span<std::byte> into, int flags) noexcept {
  return outcome_of([&] { return ::recv(fd, into.data(), into.size(), flags | MSG_DONTWAIT); });
}

std::int32_t attempt_receive_message(int fd, std::span<std::byte> into, const message_buffers& buffers,
                                     int flags) noexcept {
  ::iovec part{};
  ::msghdr message = message_into(into, buffers, part);
  const std::int32_t got = outcome_of([&] { return ::recvmsg(fd, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
  return got < 0 ? got : put_header(into, buffers, message, static_cast<std::uint32_t>(got));
}

std::int32_t attempt_receive_messages(int fd, std::span<const std::span<std::byte>> into,
                                      const message_buffers& buffers, int flags,
                                      std::span<std::int32_t> filled) noexcept {
  std::array<::iovec, most_messages> parts;
  std::array<::mmsghdr, most_messages> messages;
  for (std::size_t i = 0; i != into.size(); ++i) messages[i].msg_hdr = message_into(into[i], buffers, parts[i]);
  const std::int32_t count = outcome_of([&] {
    return ::recvmmsg(fd, messages.data(), static_cast<unsigned>(into.size()), flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
                      nullptr);
  });
  for (std::size_t i = 0; static_cast<std::int32_t>(i) < count; ++i) {
    filled[i] = put_header(into[i], buffers, messages[i].msg_hdr, messages[i].msg_len);
  }
  return count;
}

std::int32_t attempt(const operation& op, bool begun) noexcept {
  const int flags = static_cast<int>(op.flags);
  switch (op.code) {
    case op_code::accept_multishot:
      if (const int r = begun ? 0 : make_nonblocking(op.fd); r < 0) return r;
      return accept_one(op);
    case op_code::connect:
      return begun ? end_connect(op) : begin_connect(op);
    case op_code::receive:
      return attempt_receive(op.fd, {static_cast<std::byte*>(op.data), op.length}, flags);
    case op_code::receive_message:
      return outcome_of(
          [&] { return ::recvmsg(op.fd, static_cast<::msghdr*>(op.data), flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
    case op_code::send:
      return outcome_of([&] { return ::send(op.fd, op.data, op.length, flags | MSG_DONTWAIT | MSG_NOSIGNAL); });
    case op_code::send_message:
      return outcome_of(
          [&] { return ::sendmsg(op.fd, static_cast<const ::msghdr*>(op.data), flags | MSG_DONTWAIT | MSG_NOSIGNAL); });
    case op_code::poll:
    case op_code::poll_multishot:
      return polled(op.fd, op.flags);
    case op_code::read:
    case op_code::write:
      return attempt_transfer(op, begun);
    case op_code::open:
    case op_code::sync:
      return must_block;
    case op_code::receive_multishot:
    case op_code::receive_message_multishot:
      break;
  }
  return -EINVAL;
}

}  // namespace wring::detail
