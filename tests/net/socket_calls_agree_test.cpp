// SPDX-License-Identifier: MIT
// Random sequences of socket calls have the same results and errnos on loopback and in a simulation without faults.

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <wring/core/engine/make_engine.hpp>

#include "conversation.hpp"
#include "support/engines.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

struct one_operation : operation {
  std::optional<std::int32_t> result;
  one_operation() {
    on_completion = [](operation& op, completion c) noexcept { static_cast<one_operation&>(op).result = c.result; };
  }
};

/// Calls that depend on a number alone, and what they say. Sockets are known by their place; ports are not told.
class calls {
 public:
  calls(engine& e, std::uint64_t number) : engine_(e), roll_(number) {}
  calls(const calls&) = delete;
  calls& operator=(const calls&) = delete;
  ~calls() {
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
    int family = AF_INET;
    bool datagrams = false;
    bool listens = false;
    bool tried = false;  // to connect
  };
  struct option {
    int level, name;
    const char* called;
  };

  void say(const char* what, std::size_t which, int result) {
    if (result < 0) {
      said_ += fmt::format("{}{}=E{} ", what, which, -result);
    } else {
      said_ += fmt::format("{}{}={} ", what, which, result);
    }
  }

  /// Carries it out; what would wait is cancelled.
  int run(one_operation& op) {
    engine_.submit(op);
    for (int turns = 0; turns != 3 && !op.result; ++turns) engine_.turn(engine::no_wait, 16);
    if (!op.result) engine_.cancel(op);
    while (!op.result) engine_.turn(engine::no_wait, 16);
    return *op.result;
  }

  static net::socket_address address_in(std::span<const std::byte> bytes, int size) {
    if (size <= 0) return {};
    return net::socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(bytes.data()),
                                              static_cast<std::uint32_t>(size));
  }
  net::socket_address local(const place& p) {
    std::array<std::byte, sizeof(::sockaddr_storage)> bytes{};
    return address_in(bytes, engine_.local_address(p.fd, bytes));
  }
  /// Where a socket is reached: empty if it is not.
  net::socket_address reached(const place& p, const place& by) {
    if (p.fd < 0) return {};
    const net::socket_address a = local(p);
    if (!a.is_ip() || a.port() == 0) return {};
    if (!a.ip().is_unspecified()) return a;
    const bool v6 = a.is_v6() && by.family == AF_INET6;
    return {v6 ? net::ip_address::loopback_v6 : net::ip_address::loopback_v4, a.port()};
  }

  int get(const place& p, int level, int name) {
    int value = 0;
    const int r = engine_.get_option(p.fd, level, name, std::as_writable_bytes(std::span(&value, 1)));
    return r < 0 ? r : value;
  }
  int set(const place& p, int level, int name, int value) {
    return engine_.set_option(p.fd, level, name, std::as_bytes(std::span(&value, 1)));
  }

  /// Streams do not wait for more to send: what is sent has arrived.
  place opened(int family, bool datagrams) {
    const place p{.fd = engine_.open_socket(family, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0),
                  .family = family,
                  .datagrams = datagrams};
    if (!datagrams) static_cast<void>(set(p, IPPROTO_TCP, TCP_NODELAY, 1));
    return p;
  }

  void open() {
    const int family = roll_(3) == 0 ? AF_INET6 : AF_INET;
    const place p = opened(family, roll_(3) == 0);
    say("open", places_.size(), p.fd < 0 ? p.fd : 0);
    places_.push_back(p);
  }

  /// A listener and a connection to it, as most programs have them; sequences that are all random seldom do.
  void connect_pair() {
    const net::ip_address ip = roll_(3) == 0 ? net::ip_address::loopback_v6 : net::ip_address::loopback_v4;
    const int family = ip.is_v6() ? AF_INET6 : AF_INET;
    place listener = opened(family, false);
    listener.listens = true;
    const net::socket_address any(ip, 0);
    static_cast<void>(engine_.bind(listener.fd, *any.data(), any.size()));
    static_cast<void>(engine_.listen(listener.fd, 16));
    place client = opened(family, false);
    client.tried = true;
    const net::socket_address to = local(listener);
    one_operation op;
    op.code = op_code::connect;
    op.fd = client.fd;
    op.data = const_cast<::sockaddr*>(to.data());
    op.length = to.size();
    say("pair", places_.size(), run(op));
    const place accepted{.fd = engine_.attempt_accept(listener.fd), .family = family, .tried = true};
    if (roll_(2) == 0) {
      places_.push_back(listener);
    } else {
      engine_.close_descriptor(listener.fd);
    }
    places_.push_back(client);
    places_.push_back(accepted);
  }

  void step() {
    if (places_.size() < 2) return open();
    const std::size_t which = roll_(places_.size());
    const std::size_t other = roll_(places_.size());
    const std::uint64_t what = roll_(20);
    if (what < 2 && places_.size() < 12) return open();
    if (what == 2 && places_.size() < 12) return connect_pair();
    const place p = places_[which];
    if (p.fd < 0) return;
    switch (what) {
      case 3:
        return bind(which, other);
      case 4: {
        if (p.tried && !p.datagrams) return;
        const int result = engine_.listen(p.fd, 16);
        places_[which].listens |= result == 0;
        return say("listen", which, result);
      }
      case 5:
      case 6:
        return connect(which, other);
      case 7: {
        const int fd = engine_.attempt_accept(p.fd);
        say("accept", which, fd < 0 ? fd : 0);
        if (fd >= 0) places_.push_back({.fd = fd, .family = p.family, .tried = true});
        return;
      }
      case 8:
      case 9:
        return say("send", which, engine_.attempt_send(p.fd, made(roll_(bytes_.size()))));
      case 10:
        return send_to(which, other);
      case 11:
      case 12:
      case 13:
        return receive(which);
      case 14: {
        one_operation op;
        op.fd = p.fd;
        op.code = op_code::poll;
        op.flags = POLLIN | POLLOUT | POLLRDHUP;
        return say("poll", which, run(op));
      }
      case 15: {
        const int how = static_cast<int>(roll_(3));
        if (p.listens) return;
        places_[which].tried = true;
        said_ += fmt::format("({}) ", how);
        return say("shutdown", which, engine_.shut_down_socket(p.fd, how));
      }
      case 16: {
        std::array<std::byte, sizeof(::sockaddr_storage)> bytes{};
        const int size = roll_(2) == 0 ? engine_.peer_address(p.fd, bytes) : engine_.local_address(p.fd, bytes);
        say("address", which, size);
        if (size > 0) said_ += address_in(bytes, size).ip().to_string() + ' ';
        return;
      }
      case 17:
      case 18:
        return options(which);
      default:
        engine_.close_descriptor(p.fd);
        places_[which].fd = -1;
        said_ += fmt::format("close{} ", which);
        return;
    }
  }

  void bind(std::size_t which, std::size_t other) {
    const place& p = places_[which];
    if (p.tried && !p.datagrams) return;
    const bool v6 = p.family == AF_INET6;
    net::ip_address ip = v6 ? net::ip_address::loopback_v6 : net::ip_address::loopback_v4;
    const std::uint64_t where = roll_(8);
    if (where < 2) ip = v6 ? net::ip_address::any_v6 : net::ip_address::any_v4;
    if (where == 2) ip = net::ip_address(v6 ? "2001:db8::1" : "192.0.2.1");  // is nobody's
    if (where == 3) ip = v6 ? net::ip_address::loopback_v4 : net::ip_address::loopback_v6;
    std::uint16_t port = 0;
    // Not that of a connection, which may be in TIME_WAIT, nor one that another process may have.
    const place& model = places_[other];
    const bool same_kind = model.datagrams == p.datagrams && model.family == p.family;
    if (roll_(3) == 0 && model.fd >= 0 && !model.tried && same_kind) port = local(model).port();
    const net::socket_address address(ip, port);
    said_ += fmt::format("({}, as {}) ", ip.to_string(), port != 0 ? fmt::format("{}", other) : "none");
    say("bind", which, engine_.bind(p.fd, *address.data(), address.size()));
  }

  void connect(std::size_t which, std::size_t other) {
    const place& p = places_[which];
    if (p.tried && !p.datagrams) return;
    const net::socket_address to = reached(places_[other], p);
    if (to.empty() || places_[other].datagrams != p.datagrams || (other == which && !p.datagrams)) return;
    if (to.is_v4() && p.family == AF_INET6) return;  // such addresses are mapped before they come here
    one_operation op;
    op.fd = p.fd;
    op.code = op_code::connect;
    op.data = const_cast<::sockaddr*>(to.data());
    op.length = to.size();
    places_[which].tried |= !p.listens;
    said_ += fmt::format("({}) ", other);
    say("connect", which, run(op));
  }

  /// A datagram to somebody, or bytes by an operation.
  void send_to(std::size_t which, std::size_t other) {
    const place& p = places_[which];
    const std::span<const std::byte> bytes = made(roll_(bytes_.size()));
    ::iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    ::msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const net::socket_address to = reached(places_[other], p);
    if (p.datagrams && places_[other].datagrams && !to.empty() && to.is_v6() == (p.family == AF_INET6)) {
      message.msg_name = const_cast<::sockaddr*>(to.data());
      message.msg_namelen = to.size();
    }
    one_operation op;
    op.fd = p.fd;
    op.code = op_code::send_message;
    op.data = &message;
    op.flags = MSG_NOSIGNAL;
    say("sendto", which, run(op));
  }

  void receive(std::size_t which) {
    std::array<std::byte, 3000> into{};
    one_operation op;
    op.fd = places_[which].fd;
    op.code = op_code::receive;
    op.data = into.data();
    op.length = static_cast<std::uint32_t>(1 + roll_(into.size() - 1));
    op.flags = roll_(4) == 0 ? MSG_PEEK : 0;
    const int result = run(op);
    say("receive", which, result);
    if (result <= 0) return;
    unsigned sum = 0;
    for (const std::byte b : std::span(into).first(static_cast<std::size_t>(result))) {
      sum = sum * 31 + std::to_integer<unsigned>(b);
    }
    said_ += fmt::format("({:x}) ", sum);
  }

  void options(std::size_t which) {
    static constexpr std::array<option, 10> all{{
        {SOL_SOCKET, SO_REUSEADDR, "reuse address"},
        {SOL_SOCKET, SO_REUSEPORT, "reuse port"},
        {SOL_SOCKET, SO_KEEPALIVE, "keep alive"},
        {SOL_SOCKET, SO_ACCEPTCONN, "listens"},
        {SOL_SOCKET, SO_ERROR, "error"},
        {SOL_SOCKET, SO_TYPE, "type"},
        {IPPROTO_IPV6, IPV6_V6ONLY, "v6 only"},
        {IPPROTO_TCP, TCP_NODELAY, "no delay"},
        {IPPROTO_TCP, TCP_KEEPIDLE, "keep idle"},
        {IPPROTO_TCP, TCP_KEEPCNT, "keep count"},
    }};
    const place& p = places_[which];
    if (roll_(4) == 0) {
      const ::linger l{.l_onoff = static_cast<int>(roll_(2)), .l_linger = 0};
      said_ += fmt::format("({}) ", l.l_onoff);
      return say("linger", which, engine_.set_option(p.fd, SOL_SOCKET, SO_LINGER, std::as_bytes(std::span(&l, 1))));
    }
    const option& o = all[roll_(all.size())];
    if (o.name == TCP_NODELAY || roll_(2) == 0) return say(o.called, which, get(p, o.level, o.name));
    static constexpr std::array<int, 5> values{0, 1, 5, -1, 40'000};
    const int value = values[roll_(values.size())];
    said_ += fmt::format("({}) ", value);
    say(o.called, which, set(p, o.level, o.name, value));
  }

  /// Bytes that tell where they are from.
  std::span<const std::byte> made(std::size_t count) {
    for (std::byte& b : std::span(bytes_).first(count)) b = static_cast<std::byte>(next_byte_++);
    return std::span(bytes_).first(count);
  }

  engine& engine_;
  dice roll_;
  std::vector<place> places_;
  std::string said_;
  std::array<std::byte, 3000> bytes_{};
  unsigned next_byte_ = 0;
};

std::string said_on(engine_kind kind, std::uint64_t number) {
  const std::unique_ptr<engine> e = make_engine({.kind = kind, .buffers = {.count = 16}});
  std::string said = calls(*e, number).make(80);
  e->shut_down();
  return said;
}

}  // namespace

TEST_CASE("socket calls say the same on loopback and in a simulation", "[sim][sockets-agree][real_fd]") {
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
