// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/sleep.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/testing/listener_conformance.hpp>
#include <wring/net/testing/name_table.hpp>
#include <wring/net/tls/connect_tls.hpp>
#include <wring/net/tls/connector.hpp>
#include <wring/net/tls/detail/openssl.hpp>
#include <wring/net/tls/tls_listener.hpp>

#include "net/tls/tls_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

constexpr net::tcp_listen_options on_loopback{.address = net::ip_address::loopback_v4};

/// What OpenSSL holds, with what malloc adds to each block. Counted from the start of the program, as it takes no other
/// functions later.
std::atomic<std::ptrdiff_t> openssl_bytes = 0;

std::ptrdiff_t held(void* block) {
  return block != nullptr ? static_cast<std::ptrdiff_t>(malloc_usable_size(block) + sizeof(std::size_t)) : 0;
}

const bool counted = CRYPTO_set_mem_functions(
                         [](std::size_t size, const char*, int) -> void* {
                           void* const made = std::malloc(size);
                           openssl_bytes += held(made);
                           return made;
                         },
                         [](void* old, std::size_t size, const char*, int) -> void* {
                           const std::ptrdiff_t before = held(old);
                           void* const made = std::realloc(old, size);
                           if (made != nullptr) openssl_bytes += held(made) - before;
                           return made;
                         },
                         [](void* old, const char*, int) {
                           openssl_bytes -= held(old);
                           std::free(old);
                         }) == 1;

task<> echo(net::tls_stream peer) {
  while (const buffer_lease chunk = co_await peer.read_some()) {
    co_await peer.write_all(std::span<const std::byte>(chunk));
  }
}

/// Asks `client` for its echo.
task<std::string> echoed(net::stream_ref client, std::string text) {
  co_await client.write_all(text);
  std::string back;
  while (back.size() != text.size()) {
    const buffer_lease chunk = co_await client.read_some();
    if (chunk.empty()) break;
    back.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  co_return back;
}

TEST_CASE("TLS listeners keep the rules of listeners", "[tls][listener][conformance]") {
  testing::run([]() -> task<> {
    auto make = [] { return net::listen_tls(test_server(), on_loopback); };
    auto connect = [](net::socket_address to) -> task<net::tls_stream> {
      net::tcp_stream plain = co_await net::connect_tcp(to);
      co_return co_await tls::connect(test_client(), net::any_stream(std::move(plain)), "server.example");
    };
    co_await testing::check_listener(make, connect);
  });
}

TEST_CASE("serve serves them, and those who stall or speak otherwise do not hold up others", "[tls][listener]") {
  testing::run([]() -> task<> {
    auto listener = co_await net::listen_tls(test_server(), on_loopback);
    const net::socket_address at = listener.local_address();
    net::serve_report report;
    CHECK(counted);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { report = co_await net::serve(listener, echo, {.establish_timeout = 300ms}); });
      std::vector<net::tcp_stream> stalled;
      const std::ptrdiff_t before = openssl_bytes;
      for (int i = 0; i != 30; ++i) {
        net::tcp_stream plain = co_await net::connect_tcp(at);
        if (i % 3 == 1) co_await plain.write_all("\x16\x03\x01");
        if (i % 3 == 2) co_await plain.write_all("GET / HTTP/1.1\r\n\r\n");
        stalled.push_back(std::move(plain));
      }
      co_await sleep_for(20ms);
      CHECK(openssl_bytes == before);  // a connection without a whole first message costs nothing of TLS
      net::tcp_stream plain = co_await net::connect_tcp(at);
      net::tls_stream client =
          co_await tls::connect(test_client(), net::any_stream(std::move(plain)), "server.example");
      const std::string back = co_await echoed(client, "still served?");
      CHECK(back == "still served?");
      for (net::tcp_stream& each : stalled) {
        const auto end = co_await each.read_some().result();  // the server gives them up
        CHECK((!end || end->empty()));
      }
      co_await client.close();
      co_await listener.close();
    });
    CHECK(report.accepted == 31);
    CHECK(report.not_established == 30);
    CHECK(report.served == 1);
  });
}

TEST_CASE("of too many handshakes the oldest is given up", "[tls][listener]") {
  testing::run([]() -> task<> {
    auto plain = co_await net::listen_tcp(on_loopback);
    net::tls_listener listener(std::move(plain), test_server(), {.max_handshakes = 1});
    const net::socket_address at = listener.local_address();
    std::vector<error> faults;
    auto establish_one = [&]() -> task<> {
      auto pending = co_await listener.accept();
      auto established = co_await pending.establish().result();
      if (!established) faults.push_back(established.error());
      if (established) co_await established->close();
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(establish_one));
      // A whole hello, and nothing more: what a client sends is taken from one in memory.
      auto [near, far] = net::make_memory_stream_pair();
      net::memory_stream other = std::move(far);
      auto connect = [&]() -> task<> {
        static_cast<void>(
            co_await tls::connect(test_client(), net::any_stream(std::move(near)), "server.example").result());
      };
      auto hello = [&]() -> task<net::tcp_stream> {
        const buffer_lease bytes = co_await other.read_some();
        net::tcp_stream stalling = co_await net::connect_tcp(at);
        co_await stalling.write_all(bytes);
        co_await other.close();
        co_return std::move(stalling);
      };
      n.start(std::ref(connect));
      net::tcp_stream stalling = co_await hello();
      const buffer_lease answer = co_await stalling.read_some();
      CHECK_FALSE(answer.empty());
      n.start(std::ref(establish_one));
      net::tcp_stream second = co_await net::connect_tcp(at);
      net::tls_stream client =
          co_await tls::connect(test_client(), net::any_stream(std::move(second)), "server.example");
      const auto end = co_await client.read_some();
      CHECK(end.empty());
    });
    REQUIRE(faults.size() == 1);
    CHECK(faults.front() == errc::limit_exceeded);
    CHECK(faults.front().count() == 1U);
  });
}

/// What the program holds in all, OpenSSL's part included.
std::ptrdiff_t heap_bytes() {
  const struct mallinfo2 now = mallinfo2();
  return static_cast<std::ptrdiff_t>(now.uordblks + now.hblkhd);
}

/// A client that is OpenSSL alone, so that all the rest that is held is the server's.
struct bare_client {
  tls::detail::owned<SSL> ssl;

  bare_client(SSL_CTX* context, const net::socket_address& at) : ssl(tls::detail::checked(SSL_new(context))) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(at.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    REQUIRE(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    REQUIRE(SSL_set_fd(ssl.get(), fd) == 1);
    SSL_set_connect_state(ssl.get());
  }
  bare_client(bare_client&&) noexcept = default;
  bare_client& operator=(bare_client&&) = delete;
  ~bare_client() {
    if (ssl != nullptr) ::close(SSL_get_fd(ssl.get()));
  }
};

/// Shakes hands and asks for an echo.
task<> ask(SSL* ssl) {
  while (SSL_do_handshake(ssl) != 1) co_await sleep_for(200us);
  SSL_write(ssl, "hello", 5);
  std::array<char, 5> back{};
  while (SSL_read(ssl, back.data(), 5) != 5) co_await sleep_for(200us);
  CHECK(std::string_view(back.data(), 5) == "hello");
  SSL_free_buffers(ssl);
}

// Of the kernel's sockets: those of a simulation are in the program's own memory.
TEST_CASE("an idle connection costs what OpenSSL holds of it, and 2 KiB", "[tls][listener][idle][real_fd]") {
  constexpr std::ptrdiff_t most_of_openssl =
      std::ptrdiff_t{40} * 1024;  // of both ends; with the buffers of records it is twice that
  // With g++ 12: 736 of the link, 272 of the socket, 256 and 32 of what serves and refers to it, and two frames of 368,
  // the handler's and that of its read. The epoll engine has an entry for each descriptor besides.
#ifdef __OPTIMIZE__
  constexpr std::ptrdiff_t most_of_ours = 2048;
#else
  constexpr std::ptrdiff_t most_of_ours = 3 * 1024;  // the frames of coroutines are larger
#endif
  // What malloc keeps of freed buffers, however many connections there are.
  constexpr std::ptrdiff_t shared = std::ptrdiff_t{96} * 1024;
  const char* const engine = std::getenv("WRING_ENGINE");
  const std::ptrdiff_t of_engine = engine != nullptr && std::string_view(engine) == "epoll" ? 80 : 0;
  const char* const wanted = std::getenv("WRING_TEST_ROUNDS");
  const int connections = wanted != nullptr ? std::atoi(wanted) : 150;
  testing::run([&]() -> task<> {
    auto listener = co_await net::listen_tls(test_server(), on_loopback);
    const net::socket_address at = listener.local_address();
    const tls::detail::owned<SSL_CTX> context = tls::detail::checked(SSL_CTX_new(TLS_client_method()));
    std::vector<bare_client> clients;
    clients.reserve(static_cast<std::size_t>(connections) + 20);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo, {.max_connections = 100'000}); });
      auto make = [&](int count) -> task<> {
        for (int i = 0; i != count; ++i) {
          clients.emplace_back(context.get(), at);
          co_await ask(clients.back().ssl.get());
        }
        for (int i = 0; i != 10; ++i) co_await yield();  // the server waits
      };
      co_await make(20);  // what all share is there then
      const std::ptrdiff_t openssl_before = openssl_bytes;
      const std::ptrdiff_t heap_before = heap_bytes();
      co_await make(connections);
      const std::ptrdiff_t openssl_each = (openssl_bytes - openssl_before) / connections;
      const std::ptrdiff_t heap_each = (heap_bytes() - heap_before) / connections;
      CAPTURE(openssl_each, heap_each);
      CHECK(openssl_each <= most_of_openssl);
      // The address sanitizer has an allocator of its own, which does not tell.
      if (heap_before != 0) CHECK(heap_each - openssl_each <= most_of_ours + of_engine + shared / connections);
      clients.clear();
      co_await listener.close();
    });
  });
}

TEST_CASE("a client connects by name, and the name is what is verified", "[tls][connector]") {
  testing::run([]() -> task<> {
    auto listener = co_await net::listen_tls(test_server(), on_loopback);
    const std::uint16_t port = listener.local_address().port();
    testing::name_table names;
    names.add("server.example", {"127.0.0.1"});
    names.add("other.example", {"127.0.0.1"});
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, echo); });
      net::tls_stream client = co_await net::connect_tls("server.example", port, test_client(), {.resolver = &names});
      const std::string back = co_await echoed(client, "by name");
      CHECK(back == "by name");

      std::string said;
      try {
        net::tls_stream never = co_await net::connect_tls("other.example", port, test_client(), {.resolver = &names});
      } catch (const io_error& e) {
        CHECK(e.details() == errc::tls_untrusted);
        said = e.what();
      }
      CHECK(said.find("\"other.example\" (127.0.0.1:") != said.npos);
      CHECK(said.find("it is for another host") != said.npos);

      const tls::connector connector(test_client(), {.resolver = &names});
      net::any_stream any = co_await connector.connect({net::connection_kind::tls, "server.example", port});
      REQUIRE(any.security() != nullptr);
      CHECK(any.security()->peer_verified);
      const auto refused = co_await connector.connect({net::connection_kind::unix_path, "/nowhere", 0}).result();
      REQUIRE_FALSE(refused);
      co_await any.close();
      co_await client.close();
      co_await listener.close();
    });
  });
}

}  // namespace
