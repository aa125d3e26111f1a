// SPDX-License-Identifier: MIT
// Random sequences of calls on Unix sockets have the same results and errnos in the kernel and in a simulation.

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <wring/core/engine/make_engine.hpp>

#include "conversation.hpp"
#include "support/engines.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::socket_address;

struct one_operation : operation {
  std::optional<std::int32_t> result;
  one_operation() {
    on_completion = [](operation& op, completion c) noexcept { static_cast<one_operation&>(op).result = c.result; };
  }
};

/// Calls that depend on a number alone, and what they say. Sockets are known by their place, names by theirs.
class unix_calls {
 public:
  unix_calls(engine& e, std::uint64_t number, const temporary_folder& folder) : engine_(e), roll_(number) {
    for (int i = 0; i != 3; ++i) {
      names_.push_back(socket_address::from_path(folder / std::to_string(i)));
      names_.push_back(socket_address::from_abstract_name(fmt::format("wring-agree-{}-{}-{}", ::getpid(), number, i)));
    }
  }
  unix_calls(const unix_calls&) = delete;
  unix_calls& operator=(const unix_calls&) = delete;
  ~unix_calls() {
    for (const place& p : places_) {
      if (p.fd >= 0) engine_.close_descriptor(p.fd);
    }
  }

  std::string make(unsigned count) {
    for (; count != 0; --count) step();
    return std::move(said_);
  }

 private:
  struct place {
    int fd = -1;
    bool datagrams = false;
  };
  struct option {
    int name;
    const char* called;
  };
  static constexpr unsigned most_datagrams = 10;  // more may find a queue full: how long it is the system decides
  static constexpr std::size_t most_places = 14;

  void say(const char* what, std::size_t which, int result) {
    said_ += result < 0 ? fmt::format("{}{}=E{} ", what, which, -result) : fmt::format("{}{}={} ", what, which, result);
  }

  /// Carries it out; what would wait is cancelled.
  int run(one_operation& op) {
    engine_.submit(op);
    for (int turns = 0; turns != 3 && !op.result; ++turns) engine_.turn(engine::no_wait, 16);
    if (!op.result) engine_.cancel(op);
    while (!op.result) engine_.turn(engine::no_wait, 16);
    return *op.result;
  }

  void add(int fd, bool datagrams) { places_.push_back({.fd = fd, .datagrams = datagrams}); }

  void open() {
    const bool datagrams = roll_(2) == 0;
    const int fd = engine_.open_socket(AF_UNIX, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
    say("open", places_.size(), fd < 0 ? fd : 0);
    add(fd, datagrams);
  }

  void open_pair() {
    const bool datagrams = roll_(3) == 0;
    std::array<int, 2> made{-1, -1};
    say("pair", places_.size(), engine_.open_socket_pair(datagrams ? SOCK_DGRAM : SOCK_STREAM, made));
    add(made[0], datagrams);
    add(made[1], datagrams);
  }

  /// A listener and a connection to it that is accepted or not: sequences that are all random seldom have one.
  void open_connection() {
    const int listener = engine_.open_socket(AF_UNIX, SOCK_STREAM, 0);
    const socket_address& name = any_name();
    const int bound = engine_.bind(listener, *name.data(), name.size());
    say("listener", places_.size(), bound < 0 ? bound : engine_.listen(listener, static_cast<int>(roll_(2))));
    add(listener, false);
    const int client = engine_.open_socket(AF_UNIX, SOCK_STREAM, 0);
    say("client", places_.size(), connect(client, name));
    add(client, false);
    if (roll_(2) == 0) accept(places_.size() - 2);
  }

  const socket_address& any_name() { return names_[roll_(names_.size())]; }

  int connect(int fd, const socket_address& to) {
    one_operation op;
    op.fd = fd;
    op.code = op_code::connect;
    op.data = const_cast<::sockaddr*>(to.data());
    op.length = to.size();
    said_ += fmt::format("({}) ", called(to));
    return run(op);
  }

  void accept(std::size_t which) {
    const int fd = engine_.attempt_accept(places_[which].fd);
    say("accept", which, fd < 0 ? fd : 0);
    if (fd >= 0) add(fd, false);
  }

  std::string called(const socket_address& a) const {
    for (std::size_t i = 0; i != names_.size(); ++i) {
      if (names_[i] == a) return fmt::format("name {}", i);
    }
    return a.is_abstract() ? "a chosen name" : a.is_unnamed() ? "unnamed" : "?";
  }

  void step() {
    if (places_.size() < 2) return roll_(2) == 0 ? open() : open_connection();
    const std::size_t which = roll_(places_.size());
    const std::uint64_t what = roll_(24);
    const place p = places_[which];
    if (what < 4) {
      if (places_.size() > most_places) return;
      if (what == 0) return open_pair();
      return what == 1 ? open_connection() : open();
    }
    if (p.fd < 0) return;
    switch (what) {
      case 4: {
        const socket_address to = roll_(6) == 0 ? socket_address() : any_name();
        constexpr ::sockaddr family{.sa_family = AF_UNIX, .sa_data = {}};
        said_ += fmt::format("({}) ", to.empty() ? "any" : called(to));
        return say("bind", which,
                   to.empty() ? engine_.bind(p.fd, family, sizeof family.sa_family)
                              : engine_.bind(p.fd, *to.data(), to.size()));
      }
      case 5:
        return bind_file(which);
      case 6:
        return say("listen", which, engine_.listen(p.fd, static_cast<int>(roll_(3))));
      case 7:
      case 8:
        return say("connect", which, connect(p.fd, any_name()));
      case 9:
      case 10:
        return accept(which);
      case 11:
      case 12:
        if (p.datagrams && ++datagrams_ > most_datagrams) return;
        return say("send", which, engine_.attempt_send(p.fd, made(1 + roll_(bytes_.size() - 1))));
      case 13:
      case 14:
        return send_message(which);
      case 15:
      case 16:
      case 17:
        return receive(which);
      case 18: {
        one_operation op;
        op.fd = p.fd;
        op.code = op_code::poll;
        op.flags = POLLIN | POLLOUT | POLLRDHUP;
        return say("poll", which, run(op));
      }
      case 19: {
        const int how = static_cast<int>(roll_(3));
        said_ += fmt::format("({}) ", how);
        return say("shutdown", which, engine_.shut_down_socket(p.fd, how));
      }
      case 20: {
        std::array<std::byte, sizeof(::sockaddr_storage)> bytes{};
        const int size = roll_(2) == 0 ? engine_.peer_address(p.fd, bytes) : engine_.local_address(p.fd, bytes);
        say("address", which, size);
        if (size > 0) said_ += called(address_in(bytes, size)) + ' ';
        return;
      }
      case 21:
        return options(which);
      default:
        engine_.close_descriptor(p.fd);
        places_[which].fd = -1;
        said_ += fmt::format("close{} ", which);
        return;
    }
  }

  static socket_address address_in(std::span<const std::byte> bytes, int size) {
    return socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(bytes.data()),
                                         static_cast<std::uint32_t>(size));
  }

  void bind_file(std::size_t which) {
    const socket_address& at = names_[2 * roll_(names_.size() / 2)];
    const socket_file_options how{.mode = {}, .replace_stale = roll_(3) != 0, .backlog = roll_(2) == 0 ? -1 : 1};
    said_ += fmt::format("({}, {}, {}) ", called(at), how.replace_stale, how.backlog);
    socket_file made;
    const int result = engine_.bind_file(places_[which].fd, *at.data(), at.size(), how, made);
    say("bind file", which, result);
    if (result < 0 || roll_(2) == 0) return;
    // Another file stays. It is not asked for later: once its socket is closed the number may be that of a new one.
    if (roll_(2) == 0) made.number += 1'000'000;
    engine_.remove_file(at.path().data(), made);
    said_ += "remove ";
  }

  /// To a name or the peer, with descriptors perhaps.
  void send_message(std::size_t which) {
    const place p = places_[which];
    if (p.datagrams && ++datagrams_ > most_datagrams) return;
    const std::span<const std::byte> bytes = made(roll_(3) == 0 ? 0 : roll_(bytes_.size()));
    ::iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    ::msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (roll_(2) == 0) {
      const socket_address& to = any_name();
      said_ += fmt::format("({}) ", called(to));
      message.msg_name = const_cast<::sockaddr*>(to.data());
      message.msg_namelen = to.size();
    }
    alignas(::cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    // One end of a pair, which is held nowhere else from then on: sockets that hold each other in what they have not
    // received are freed by the kernel some time later.
    std::array<int, 2> pair{-1, -1};
    if (roll_(2) == 0 && places_.size() < most_places && engine_.open_socket_pair(SOCK_STREAM, pair) == 0) {
      said_ += fmt::format("(with {}) ", places_.size());
      const ::cmsghdr head{.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
      std::memcpy(control.data(), &head, sizeof head);
      std::memcpy(control.data() + CMSG_LEN(0), &pair[0], sizeof(int));
      message.msg_control = control.data();
      message.msg_controllen = control.size();
    }
    one_operation op;
    op.fd = p.fd;
    op.code = op_code::send_message;
    op.data = &message;
    op.flags = MSG_NOSIGNAL;
    say("sendmsg", which, run(op));
    if (pair[0] < 0) return;
    engine_.close_descriptor(pair[0]);
    add(pair[1], false);
  }

  void receive(std::size_t which) {
    std::array<std::byte, 3000> into{};
    ::iovec part{into.data(), 1 + roll_(into.size() - 1)};
    std::array<std::byte, sizeof(::sockaddr_storage)> from{};
    alignas(::cmsghdr) std::array<std::byte, 128> control{};
    ::msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_name = from.data();
    message.msg_namelen = from.size();
    one_operation op;
    op.fd = places_[which].fd;
    if (roll_(2) == 0) {
      op.code = op_code::receive;
      op.data = into.data();
      op.length = static_cast<std::uint32_t>(part.iov_len);
    } else {
      op.code = op_code::receive_message;
      op.data = &message;
      if (roll_(3) != 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
      }
    }
    // A descriptor that is looked at is one more: that is left to those that are received.
    if (message.msg_control == nullptr && roll_(4) == 0) op.flags = MSG_PEEK;
    const int result = run(op);
    say(op.code == op_code::receive ? "receive" : "recvmsg", which, result);
    if (result < 0) return;
    unsigned sum = 0;
    for (const std::byte b : std::span(into).first(static_cast<std::size_t>(result))) {
      sum = sum * 31 + std::to_integer<unsigned>(b);
    }
    said_ += fmt::format("({:x}) ", sum);
    if (op.code == op_code::receive) return;
    said_ += fmt::format("(flags {:x}) ", message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
    if (message.msg_namelen != 0) {
      said_ += fmt::format("(from {}) ", called(address_in(from, static_cast<int>(message.msg_namelen))));
    }
    for (::cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) note_control(*c);
  }

  void note_control(const ::cmsghdr& c) {
    if (c.cmsg_type == SCM_CREDENTIALS) {
      said_ += "(credentials) ";
      return;
    }
    const std::size_t count = (c.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    said_ += fmt::format("({} descriptors) ", count);
    for (std::size_t i = 0; i != count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(const_cast<::cmsghdr*>(&c)) + i * sizeof fd, sizeof fd);
      int type = 0;
      static_cast<void>(engine_.get_option(fd, SOL_SOCKET, SO_TYPE, std::as_writable_bytes(std::span(&type, 1))));
      add(fd, type == SOCK_DGRAM);
    }
  }

  void options(std::size_t which) {
    static constexpr std::array<option, 6> all{{{SO_ERROR, "error"},
                                                {SO_TYPE, "type"},
                                                {SO_ACCEPTCONN, "listens"},
                                                {SO_PASSCRED, "credentials"},
                                                {SO_DOMAIN, "domain"},
                                                {SO_PROTOCOL, "protocol"}}};
    const place& p = places_[which];
    int value = 0;
    const std::uint64_t what = roll_(8);
    if (what == 0) {
      value = static_cast<int>(roll_(2));
      said_ += fmt::format("({}) ", value);
      return say("set credentials", which,
                 engine_.set_option(p.fd, SOL_SOCKET, SO_PASSCRED, std::as_bytes(std::span(&value, 1))));
    }
    if (what == 1) {
      ::ucred found{};
      say("whose", which,
          engine_.get_option(p.fd, SOL_SOCKET, SO_PEERCRED, std::as_writable_bytes(std::span(&found, 1))));
      said_ += fmt::format("({} {}) ", found.pid == ::getpid() ? -2 : found.pid, static_cast<int>(found.uid));
      return;
    }
    const option& o = all[roll_(all.size())];
    const int r = engine_.get_option(p.fd, SOL_SOCKET, o.name, std::as_writable_bytes(std::span(&value, 1)));
    say(o.called, which, r < 0 ? r : value);
  }

  /// Bytes that tell where they are from.
  std::span<const std::byte> made(std::size_t count) {
    for (std::byte& b : std::span(bytes_).first(count)) b = static_cast<std::byte>(next_byte_++);
    return std::span(bytes_).first(count);
  }

  engine& engine_;
  dice roll_;
  std::vector<socket_address> names_;  // paths and abstract ones by turns
  std::vector<place> places_;
  std::string said_;
  std::array<std::byte, 3000> bytes_{};
  unsigned next_byte_ = 0;
  unsigned datagrams_ = 0;
};

std::string said_on(engine_kind kind, std::uint64_t number) {
  const temporary_folder folder;
  const std::unique_ptr<engine> e = make_engine({.kind = kind, .buffers = {.count = 16}});
  std::string said = unix_calls(*e, number, folder).make(100);
  e->shut_down();
  return said;
}

}  // namespace

TEST_CASE("calls on Unix sockets say the same in the kernel and in a simulation",
          "[sim][sockets-agree][unix][real_fd]") {
  const no_chosen_engine meanwhile;
  const char* const asked = std::getenv("WRING_TEST_ROUNDS");
  const std::uint64_t rounds = asked != nullptr ? std::strtoull(asked, nullptr, 10) : 300;
  std::size_t words = 0;
  for (std::uint64_t number = 0; number != rounds; ++number) {
    const std::string real = said_on(engine_kind::epoll, number);
    CAPTURE(number);
    REQUIRE(said_on(engine_kind::simulation, number) == real);
    words += real.size();
  }
  CHECK(words > rounds * 200);
}
