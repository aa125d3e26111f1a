// SPDX-License-Identifier: MIT
// Each allocation fails once, the first, the second, and so on: whatever then happens is an error of its own, nothing
// is lost without being told, and nothing leaks.

#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/log.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/timeout.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/serve_datagrams.hpp>
#include <wring/net/udp_socket.hpp>
#include <wring/net/unix_datagram.hpp>

#include "support/allocation_count.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;
using wring::detail::frame_recycler;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

/// Records are lost or not, as memory has it; the tests do not show them.
class no_log {
 public:
  no_log() : found_(log::set_sink([](const log::record&) {})) {}
  ~no_log() { log::set_sink(std::move(found_)); }

 private:
  log::sink found_;
};

/// How a scenario may end when an allocation fails.
enum class end { well, told };

/// Runs the scenario again and again, with the k-th allocation failing, until one run has fewer than k.
template <class Scenario>
void fail_each_allocation(Scenario scenario) {
  const no_log quiet;
  std::size_t told = 0;
  for (std::size_t k = 1;; ++k) {
    REQUIRE(k < 20'000);
    CAPTURE(k);
    frame_recycler::trim();
    const leak_check leaks;
    std::optional<end> how;
    std::string unexpected;
    fail_allocation(k);
    try {
      scenario();
      how = end::well;
    } catch (const std::bad_alloc&) {
      how = end::told;
    } catch (const io_error& e) {
      // The peer of what ran out of memory sees its connection go.
      if (e.code() == std::errc::not_enough_memory || e.code() == std::errc::connection_reset ||
          e.code() == std::errc::broken_pipe || e.details() == errc::unexpected_eof || e.details() == errc::closed) {
        how = end::told;
      } else {
        fail_allocation(0);
        unexpected = e.what();
      }
    } catch (const std::exception& e) {
      fail_allocation(0);
      unexpected = e.what();
    }
    const bool failed = allocation_failed();
    fail_allocation(0);
    REQUIRE(unexpected == "");
    REQUIRE(how.has_value());
    REQUIRE(leaks.check() == "");
    if (!failed) {
      REQUIRE(how == end::well);
      break;
    }
    if (how == end::told) ++told;
  }
  CHECK(told > 0);
}

template <net::stream S>
task<> echo_lines(S peer) {
  net::reader in(peer);
  for (;;) {
    const auto line = co_await in.read_line();
    if (!line) co_return;
    const std::string reply = std::string(*line) + "\n";
    co_await peer.write_all(reply);
  }
}

/// A listener whose operations are tasks.
class tcp_in_tasks {
 public:
  explicit tcp_in_tasks(net::tcp_listener inner) : inner_(std::move(inner)) {}

  task<net::tcp_stream> accept() { co_return co_await inner_.accept(); }
  [[nodiscard]] net::socket_address local_address() const { return inner_.local_address(); }
  task<> drain() { co_await inner_.drain(); }
  task<> close() { co_await inner_.close(); }

 private:
  net::tcp_listener inner_;
};

task<> talk(net::socket_address to, std::string_view text) {
  auto stream = co_await net::connect_tcp(to);
  net::reader in(stream);
  for (int i = 0; i != 2; ++i) {
    co_await stream.write_all(text);
    const std::string_view got = co_await in.read_until("\n", 100'000);
    if (got.size() + 1 != text.size()) throw std::logic_error("another text came back");
  }
  co_await stream.shut_down_write();
  const auto rest = co_await stream.read_some();
  if (!rest.empty()) throw std::logic_error("too much came back");
}

/// Serves with `listener`, and talks to it three times.
template <class L, class Handler>
task<> serve_three(L& listener, Handler handler) {
  const net::socket_address address = listener.local_address();
  nursery n;
  const auto body = [&]() -> task<> {
    const child_handle server = n.start([&]() -> task<> { co_await net::serve(listener, handler); });
    std::exception_ptr first;
    for (int i = 0; i != 3; ++i) {
      try {
        const std::string text = std::string(i == 1 ? 5000 : 5, 'x') + "\n";
        co_await talk(address, text);
      } catch (...) {
        if (first) std::rethrow_exception(first);  // one failure is one failure
        first = std::current_exception();
      }
    }
    if (server.done()) throw std::logic_error("the server has gone");
    n.cancel();
    if (first) std::rethrow_exception(first);
  };
  co_await n.run(std::ref(body));
}

}  // namespace

TEST_CASE("a server that runs out of memory refuses connections or fails them, and serves on", "[tcp][memory]") {
  fail_each_allocation([] {
    run_net([]() -> task<> {
      auto listener = co_await net::listen_tcp(on_loopback);
      co_await serve_three(listener, echo_lines<net::tcp_stream>);
    });
  });
}

TEST_CASE("so does one whose listener is of any type, and makes tasks", "[tcp][memory]") {
  fail_each_allocation([] {
    run_net([]() -> task<> {
      auto inner = co_await net::listen_tcp(on_loopback);
      net::any_listener listener = tcp_in_tasks(std::move(inner));
      co_await serve_three(listener, echo_lines<net::any_stream>);
    });
  });
}

TEST_CASE("bytes that a cancelled read gives back are kept, or their loss is told", "[tcp][memory][real_fd]") {
  fail_each_allocation([] {
    run_net([]() -> task<> {
      auto listener = co_await net::listen_tcp(on_loopback);
      raw_socket client = raw_socket::connected_to(listener.local_address());
      auto peer = co_await listener.accept();
      client.send("first");
      std::string got;
      std::byte memory[3];
      for (int i = 0; i != 2; ++i) {
        const std::size_t count = co_await peer.read(memory);
        got.append(reinterpret_cast<const char*>(memory), count);
      }
      const auto read_into_memory = [&]() -> task<> { co_await peer.read(memory); };
      co_await move_on_after(1ms, read_into_memory);
      client.send("second");
      co_await move_on_after(0ms, read_into_memory);
      client.send("third");
      client.shut_down_write();
      while (const auto chunk = co_await peer.read_some()) {
        got.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      }
      if (got != "firstsecondthird") throw std::logic_error("lost without an error: " + got);
    });
  });
}

/// An echo that answers, although a datagram may be dropped at any point of it.
template <class Socket>
task<> echo_three(Socket& server, Socket& client) {
  const auto echo = [&server](net::datagram d) -> task<> { co_await server.send_to(d.peer(), d.bytes()); };
  nursery n;
  const auto body = [&]() -> task<> {
    const child_handle serving = n.start([&]() -> task<> { co_await net::serve(server, std::ref(echo)); });
    int lost = 0;
    for (int i = 0; i != 3;) {
      const std::string text(i == 1 ? 2000 : 5, static_cast<char>('a' + i));
      co_await client.send(text);
      const auto answer = co_await with_timeout(20ms, client.receive()).result();
      if (answer) {
        if (answer->bytes().size() != text.size()) throw std::logic_error("another datagram came back");
        ++i;
      } else if (answer.error() != errc::timed_out) {
        answer.error().raise();
      } else if (++lost == 3) {
        throw std::logic_error("datagrams are lost again and again");
      }
    }
    if (serving.done()) throw std::logic_error("the server has gone");
    n.cancel();
  };
  co_await n.run(std::ref(body));
}

TEST_CASE("a socket for datagrams that runs out of memory loses one, and goes on", "[udp][unix][memory][real_fd]") {
  fail_each_allocation([] {
    run_net([]() -> task<> {
      net::udp_socket server = co_await net::bind_udp({.address = net::ip_address::loopback_v4});
      net::udp_socket client = co_await net::connect_udp(server.local_address());
      co_await echo_three(server, client);
    });
  });
  fail_each_allocation([] {
    run_net([]() -> task<> {
      constexpr net::unix_datagram_options options{.descriptors = true, .credentials = true};
      net::unix_datagram server = co_await net::bind_unix_datagram(net::socket_address(), options);
      net::unix_datagram client = co_await net::connect_unix_datagram(server.local_address(), options);
      co_await echo_three(server, client);
    });
  });
}

TEST_CASE("what is received and not taken is dropped or kept when memory fails, in order", "[udp][memory][real_fd]") {
  fail_each_allocation([] {
    run_net([]() -> task<> {
      constexpr int count = 40;
      auto both = net::datagram_pair({.receive_queue = 4});
      for (int i = 0; i != count; ++i) {
        const std::string text(1, static_cast<char>(i));
        co_await both.first.send(text);
      }
      int last = -1;
      int dropped = 0;
      while (last != count - 1) {
        const auto next = co_await with_timeout(20ms, both.second.receive()).result();
        if (!next) break;  // the last one was dropped
        const int number = static_cast<int>(next->bytes()[0]);
        if (number <= last) throw std::logic_error("the order is lost");
        dropped += number - last - 1;
        last = number;
      }
      dropped += count - 1 - last;
      if (dropped > 1) throw std::logic_error("more than one was dropped");
    });
  });
}

TEST_CASE("combinators, channels and memory streams survive a failed allocation", "[memory]") {
  fail_each_allocation([] {
    run_net([]() -> task<> {
      auto [a, b] = net::make_memory_stream_pair({.delay = 1ms});
      channel<std::string> items(4);
      const auto write = [&]() -> task<> {
        co_await a.write_all("some text that is written");
        co_await a.shut_down_write();
      };
      const auto read = [&]() -> task<std::size_t> {
        std::size_t sum = 0;
        while (const auto chunk = co_await b.read_some()) sum += chunk.size();
        co_return sum;
      };
      const auto send = [&]() -> task<> { co_await items.send("an item that is too long to be held inline"); };
      const auto receive = [&]() -> task<> {
        if (!co_await items.receive()) throw std::logic_error("no item");
      };
      co_await when_all(write, send);
      const std::size_t sum = co_await read();
      if (sum != 25) throw std::logic_error("bytes were lost");
      co_await when_any(receive, write);
    });
  });
}
