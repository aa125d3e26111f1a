// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/serve_datagrams.hpp>
#include <wring/net/unix_datagram.hpp>

#include "support/temporary_folder.hpp"
#include "support/udp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::socket_address;
using testing::leak_check;
namespace fs = std::filesystem;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::array<int, 1> given_of(int fd) noexcept { return {fd}; }

struct a_pipe {
  std::array<int, 2> ends{};
  a_pipe() { checked(::pipe2(ends.data(), O_CLOEXEC), "pipe2"); }
  a_pipe(const a_pipe&) = delete;
  a_pipe& operator=(const a_pipe&) = delete;
  ~a_pipe() { close(); }
  void close() noexcept {
    for (int& fd : ends) {
      if (fd >= 0) ::close(std::exchange(fd, -1));
    }
  }
  [[nodiscard]] std::string read() const {
    std::array<char, 64> text{};
    const ssize_t n = ::read(ends[0], text.data(), text.size());
    return n < 0 ? "error" : std::string(text.data(), static_cast<std::size_t>(n));
  }
};

TEST_CASE("a Unix socket receives datagrams with their sender, and answers", "[unix][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      net::unix_datagram server = co_await net::bind_unix_datagram(folder / "server", {.mode = 0600});
      REQUIRE(server.local_address().path() == folder / "server");
      REQUIRE((fs::status(folder / "server").permissions() & fs::perms::all) == fs::perms(0600));
      net::unix_datagram client = co_await net::connect_unix_datagram(folder / "server");
      REQUIRE(client.peer_address() == server.local_address());
      REQUIRE(client.local_address().is_abstract());
      for (const char* text : {"hello", "", "again"}) co_await client.send(text);
      std::string all;
      for (int i = 0; i != 3; ++i) {
        const net::datagram d = co_await server.receive();
        REQUIRE(d.peer() == client.local_address());
        REQUIRE(!d.sender_credentials());
        all += "[" + text_of(d) + "]";
        co_await server.send_to(d.peer(), d.bytes());
      }
      REQUIRE(all == "[hello][][again]");
      for (const char* text : {"hello", "", "again"}) {
        const net::datagram d = co_await client.receive();
        REQUIRE(text_of(d) == text);
        REQUIRE(d.peer() == server.local_address());
      }
      co_await server.close();
      REQUIRE(!fs::exists(folder / "server"));
      // The kernel tells whoever sends that the receiver has gone, and lets go of the connection.
      const auto refused = co_await client.send("anybody?").result();
      REQUIRE(refused.error() == std::errc::connection_refused);
      REQUIRE(contains(refused.error().message(), "nobody receives there"));
      net::unix_datagram next = co_await net::bind_unix_datagram(folder / "server");
      co_await client.connect(next.local_address());
      co_await client.send("here again");
      const net::datagram d = co_await next.receive();
      REQUIRE(text_of(d) == "here again");
      co_await client.close();
      co_await next.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("abstract names, pairs, and sockets of others", "[unix][real_fd]") {
  run_net([]() -> task<> {
    const socket_address name = socket_address::from_abstract_name("wring-datagrams");
    net::unix_datagram named = co_await net::bind_unix_datagram(name);
    net::unix_datagram chosen = co_await net::bind_unix_datagram(socket_address());
    REQUIRE(chosen.local_address().is_abstract());
    co_await chosen.send_to(name, "to a name");
    const net::datagram first = co_await named.receive();
    REQUIRE(text_of(first) == "to a name");
    REQUIRE(named.try_send_to(first.peer(), first.bytes()));
    const net::datagram second = co_await chosen.receive();
    REQUIRE(text_of(second) == "to a name");

    auto both = net::datagram_pair();
    co_await both.first.send("to the other");
    const net::datagram third = co_await both.second.receive();
    REQUIRE(text_of(third) == "to the other");
    REQUIRE(third.peer().empty());

    std::array<int, 2> made{};
    checked(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, made.data()), "socketpair");
    const raw_socket peer(made[1]);
    net::unix_datagram adopted = net::unix_datagram::adopt(made[0]);
    co_await adopted.send("from one that was adopted");
    std::array<char, 64> text{};
    REQUIRE(::recv(peer.get(), text.data(), text.size(), 0) == 25);

    const raw_socket stream = raw_socket::make(AF_UNIX);
    REQUIRE_THROWS_AS(net::unix_datagram::adopt(stream.get()), io_error);
    const raw_udp udp;
    REQUIRE_THROWS_AS(net::unix_datagram::adopt(udp.socket().get()), io_error);
    const auto wrong_family = co_await net::bind_unix_datagram(udp.address()).result();
    REQUIRE(wrong_family.error() == std::errc::address_family_not_supported);
    const auto wrong_peer = co_await chosen.connect(udp.address()).result();
    REQUIRE(wrong_peer.error() == std::errc::address_family_not_supported);
    REQUIRE_THROWS_AS(net::datagram_pair({.largest = 0}), std::invalid_argument);
    REQUIRE_THROWS_AS(net::datagram_pair({.largest = 65'536}), std::invalid_argument);
    REQUIRE_THROWS_AS(net::datagram_pair({.receive_queue = 0}), std::invalid_argument);
  });
}

TEST_CASE("a file that nobody serves is replaced, any other is not", "[unix][real_fd]") {
  const temporary_folder folder;
  run_net([&]() -> task<> {
    {
      const raw_socket killed(checked(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
      const socket_address at = socket_address::from_path(folder / "stale");
      checked(::bind(killed.get(), at.data(), at.size()), "bind");
    }
    const auto kept = co_await net::bind_unix_datagram(folder / "stale", {.replace_stale = false}).result();
    REQUIRE(kept.error() == std::errc::address_in_use);
    net::unix_datagram s = co_await net::bind_unix_datagram(folder / "stale");
    const auto served = co_await net::bind_unix_datagram(folder / "stale").result();
    REQUIRE(served.error() == std::errc::address_in_use);
    s.keep_file();
    co_await s.close();
    REQUIRE(fs::exists(folder / "stale"));
    const auto missing = co_await net::connect_unix_datagram(folder / "missing").result();
    REQUIRE(missing.error() == std::errc::no_such_file_or_directory);
  });
}

TEST_CASE("long datagrams: cut off, with their real length, or refused", "[unix]") {
  run_net([]() -> task<> {
    auto both = net::datagram_pair({.largest = 1000});
    const std::string much(65'507, 'x');
    co_await both.first.send(std::string_view(much).substr(0, 1000));
    co_await both.first.send(std::string_view(much).substr(0, 1001));
    co_await both.first.send(much);
    const net::datagram fits = co_await both.second.receive();
    const net::datagram cut = co_await both.second.receive();
    const net::datagram cut_more = co_await both.second.receive();
    REQUIRE(!fits.truncated());
    REQUIRE(fits.bytes().size() == 1000);
    REQUIRE(cut.truncated());
    REQUIRE(cut.bytes().size() == 1000);
    REQUIRE(cut.real_size() == 1001);
    REQUIRE(cut_more.real_size() == much.size());
    const std::string too_much(8 << 20, 'x');
    const auto refused = co_await both.first.send(too_much).result();
    REQUIRE(refused.error() == std::errc::message_size);
    REQUIRE(contains(refused.error().message(), "SO_SNDBUF"));
  });
}

// The receiver's queue in the kernel is short, and a poll does not tell when there is room in it.
TEST_CASE("a sender waits for the receiver, connected or not, and nothing is lost", "[unix]") {
  constexpr int count = 500;
  run_net([]() -> task<> {
    net::unix_datagram receiver = co_await net::bind_unix_datagram(socket_address(), {.receive_queue = 4});
    const socket_address to = receiver.local_address();
    net::unix_datagram connected = co_await net::connect_unix_datagram(to);
    net::unix_datagram loose = co_await net::bind_unix_datagram(socket_address());
    std::array<int, 2> next{};
    bool in_order = true;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        for (int i = 0; i != count; ++i) {
          const std::string text = "0" + std::to_string(i);
          co_await connected.send(text);
        }
      });
      n.start([&]() -> task<> {
        for (int i = 0; i != count; ++i) {
          const std::string text = "1" + std::to_string(i);
          co_await loose.send_to(to, text);
        }
      });
      for (int i = 0; i != 2 * count; ++i) {
        const net::datagram d = co_await receiver.receive();
        const std::string text = text_of(d);
        int& expected = next.at(text[0] == '0' ? 0 : 1);
        in_order = in_order && std::to_string(expected++) == text.substr(1);
      }
    });
    REQUIRE(in_order);
    REQUIRE(next == std::array{count, count});
  });
}

TEST_CASE("a send that waits is cancelled, and ends with its socket", "[unix][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      // Nobody reads from this one.
      const raw_socket full(checked(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
      const socket_address to = socket_address::from_abstract_name("wring-full");
      checked(::bind(full.get(), to.data(), to.size()), "bind");
      net::unix_datagram loose = co_await net::bind_unix_datagram(socket_address());
      net::unix_datagram connected = co_await net::connect_unix_datagram(to);
      constexpr std::array<std::byte, 1> one{};
      while (loose.try_send_to(to, one)) {
      }
      REQUIRE(!connected.try_send(one));
      for (int i = 0; i != 2; ++i) {
        const auto late = co_await with_timeout(5ms, loose.send_to(to, "late")).result();
        REQUIRE(late.error() == errc::timed_out);
        const auto later = co_await with_timeout(5ms, connected.send("later")).result();
        REQUIRE(later.error() == errc::timed_out);
      }
      std::vector<std::string> ends;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          const auto outcome = co_await loose.send_to(to, "cut").result();
          ends.push_back(outcome ? "sent" : outcome.error().message());
        });
        n.start([&]() -> task<> {
          const auto outcome = co_await connected.send("cut").result();
          ends.push_back(outcome ? "sent" : outcome.error().message());
        });
        co_await sleep_for(3ms);
        co_await loose.close();
        co_await connected.close();
      });
      REQUIRE(ends.size() == 2);
      REQUIRE(contains(ends[0], "closed"));
      REQUIRE(contains(ends[1], "closed"));
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("datagrams say who has sent them", "[unix]") {
  run_net([]() -> task<> {
    net::unix_datagram s = co_await net::bind_unix_datagram(socket_address(), {.credentials = true});
    net::unix_datagram client = co_await net::connect_unix_datagram(s.local_address());
    co_await client.send("it is me");
    const net::datagram d = co_await s.receive();
    const auto sender = d.sender_credentials();
    REQUIRE(sender.has_value());
    REQUIRE(sender->process == ::getpid());
    REQUIRE(sender->user == ::getuid());
    REQUIRE(sender->group == ::getgid());
  });
}

TEST_CASE("descriptors come with a datagram, close-on-exec, in order", "[unix][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      auto both = net::datagram_pair({.descriptors = true, .credentials = true});
      a_pipe first;
      const a_pipe second;
      const std::array<int, 2> given{first.ends[0], second.ends[0]};
      co_await both.first.send("two", given);
      checked(::write(first.ends[1], "first", 5), "write");
      checked(::write(second.ends[1], "second", 6), "write");
      first.close();
      net::datagram d = co_await both.second.receive();
      REQUIRE(text_of(d) == "two");
      REQUIRE(!d.descriptors_cut());
      REQUIRE(d.leave_buffer());
      const net::descriptor one = d.take_descriptor();
      const net::descriptor two = d.take_descriptor();
      REQUIRE(one.get() >= 0);
      REQUIRE(two.get() >= 0);
      REQUIRE(d.take_descriptor().get() < 0);
      REQUIRE((::fcntl(one.get(), F_GETFD) & FD_CLOEXEC) != 0);
      std::array<char, 16> text{};
      REQUIRE(::read(one.get(), text.data(), text.size()) == 5);
      REQUIRE(::read(two.get(), text.data(), text.size()) == 6);

      const std::vector<int> most(16, second.ends[0]);
      co_await both.first.send("sixteen", most);
      net::datagram full = co_await both.second.receive();
      int count = 0;
      while (full.take_descriptor().get() >= 0) ++count;
      REQUIRE(count == 16);
      REQUIRE(!full.descriptors_cut());
      const std::vector<int> too_many(17, second.ends[0]);
      REQUIRE_THROWS_AS(both.first.send("seventeen", too_many), std::invalid_argument);

      // What nobody takes is closed with the datagram, and with the socket.
      co_await both.first.send("not taken", given_of(second.ends[0]));
      co_await both.first.send("not received", given_of(second.ends[0]));
      const net::datagram not_taken = co_await both.second.receive();
      REQUIRE(text_of(not_taken) == "not taken");
      co_await both.first.close();
      co_await both.second.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("descriptors that were not asked for are closed at once", "[unix][real_fd]") {
  run_net([]() -> task<> {
    auto both = net::datagram_pair();
    a_pipe passed;
    co_await both.first.send("a gift", given_of(passed.ends[1]));
    ::close(std::exchange(passed.ends[1], -1));
    net::datagram d = co_await both.second.receive();
    REQUIRE(text_of(d) == "a gift");
    REQUIRE(passed.read() == "");  // nobody can write any more, although the datagram is still there
    REQUIRE(d.take_descriptor().get() < 0);
  });
}

TEST_CASE("more descriptors than there is room for are reported, and none leaks", "[unix][real_fd]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    {
      std::array<int, 2> made{};
      checked(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, made.data()), "socketpair");
      net::unix_datagram s = net::unix_datagram::adopt(made[0], {.descriptors = true});
      const raw_socket peer(made[1]);
      const a_pipe passed;
      const std::vector<int> many(100, passed.ends[0]);
      alignas(::cmsghdr) std::array<char, CMSG_SPACE(100 * sizeof(int))> control{};
      char byte = 'x';
      ::iovec part{&byte, 1};
      ::msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      *CMSG_FIRSTHDR(&message) = {
          .cmsg_len = CMSG_LEN(100 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
      std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), many.data(), many.size() * sizeof(int));
      checked(::sendmsg(peer.get(), &message, 0), "sendmsg");
      const net::datagram d = co_await s.receive();
      REQUIRE(text_of(d) == "x");
      REQUIRE(d.descriptors_cut());
      co_await s.close();
    }
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("serve runs a handler for each datagram of a Unix socket", "[unix][serve]") {
  run_net([]() -> task<> {
    net::unix_datagram s = co_await net::bind_unix_datagram(socket_address());
    net::unix_datagram client = co_await net::connect_unix_datagram(s.local_address());
    net::datagram_serve_report report;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        auto echo = [&](net::datagram d) -> task<> { co_await s.send_to(d.peer(), d.bytes()); };
        report = co_await net::serve(s, std::ref(echo));
      });
      for (int i = 0; i != 3; ++i) {
        co_await client.send("ping");
        const net::datagram d = co_await client.receive();
        REQUIRE(text_of(d) == "ping");
      }
      co_await s.close();
    });
    REQUIRE(report.served == 3);
  });
}

TEST_CASE("cancelled at any point, Unix datagrams leave nothing behind", "[unix][cancel]") {
  const temporary_folder folder;
  const auto exchange = [&]() -> task<> {
    net::unix_datagram s = co_await net::bind_unix_datagram(folder / "s");
    net::unix_datagram client = co_await net::connect_unix_datagram(folder / "s");
    constexpr std::array<std::byte, 1> one{};
    while (client.try_send(one)) {
    }
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await client.send("waits"); });
      for (;;) {
        const net::datagram d = co_await s.receive();
        if (d.bytes().size() == 5) break;
      }
    });
    co_await client.close();
    co_await s.close();
  };
  REQUIRE(testing::cancel_everywhere(exchange, {.real_time = true}) > 4);
}

}  // namespace
