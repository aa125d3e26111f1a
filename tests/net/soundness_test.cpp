// SPDX-License-Identifier: MIT
// Cancellation that meets the kernel: what is being cancelled may be happening already.

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <random>
#include <sys/mman.h>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/testing/leak_check.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

/// Memory of a frame whose use after the frame shows: the sanitizers do not see the kernel's writes. Where it is
/// unmapped, this process cannot touch it, and an operation that the kernel still has for it fails.
class frame_memory : scheduler_observer {
 public:
  static constexpr std::size_t size = 4096;
  enum class then { unmapped, canary };

  explicit frame_memory(then after) : after_(after) {
    memory_ =
        static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory_ != MAP_FAILED);
    scheduler::current().observe(this);
  }
  frame_memory(const frame_memory&) = delete;
  frame_memory& operator=(const frame_memory&) = delete;
  ~frame_memory() override {
    scheduler::current().observe(nullptr);
    ::munmap(memory_, size);
  }

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {memory_, size}; }

  /// Lives in the frame; the memory is out of bounds for everybody when it goes.
  class tenant {
   public:
    explicit tenant(frame_memory& m) noexcept : memory_(m) {}
    ~tenant() { memory_.close(); }

   private:
    frame_memory& memory_;
  };

  /// Whether nobody has written since, or tried to.
  [[nodiscard]] bool untouched() const noexcept {
    if (after_ == then::unmapped) return faults_ == 0;
    for (const std::byte b : bytes()) {
      if (b != std::byte{0xa5}) return false;
    }
    return true;
  }

 private:
  void close() noexcept {
    std::memset(memory_, 0xa5, size);
    if (after_ == then::unmapped) ::mprotect(memory_, size, PROT_NONE);
  }
  void operation_completed(const operation&, completion c) noexcept override {
    if (c.result == -EFAULT) ++faults_;
  }

  then after_;
  int faults_ = 0;
  std::byte* memory_;
};

TEST_CASE("a receive that is left running in a frame that has gone shows", "[tcp][soundness]") {
  const auto after = GENERATE(frame_memory::then::unmapped, frame_memory::then::canary);
  run_net([&]() -> task<> {
    const connection c = make_connection();
    frame_memory memory(after);
    operation receive;
    {
      const frame_memory::tenant tenant(memory);
      receive.code = op_code::receive;
      receive.fd = c.stream.native_handle();
      receive.data = memory.bytes().data();
      receive.length = frame_memory::size;
      receive.on_completion = [](operation&, completion) noexcept {};
      scheduler::current().engine().submit(receive);
      co_await a_moment();
    }
    REQUIRE(memory.untouched());
    c.peer.send("bytes");
    co_await until([&] { return !receive.active(); });
    REQUIRE(!memory.untouched());
  });
}

TEST_CASE("the use of memory of a frame that has gone ends the process", "[tcp][soundness]") {
  const auto end = in_child([] {
    run_net([]() -> task<> {
      frame_memory memory(frame_memory::then::unmapped);
      {
        const frame_memory::tenant tenant(memory);
      }
      const volatile std::byte* const left = memory.bytes().data();
      static_cast<void>(*left);
      co_return;
    });
  });
  REQUIRE(end.status == 128 + SIGSEGV);
}

TEST_CASE("the memory of a cancelled read is not written to once its frame has gone", "[tcp][soundness]") {
  const auto after = GENERATE(frame_memory::then::unmapped, frame_memory::then::canary);
  run_net([&]() -> task<> {
    const leak_check leaks;
    std::size_t taken = 0;
    for (int round = 0; round < 300; ++round) {
      connection c = make_connection();
      frame_memory memory(after);
      cancel_scope scope;
      std::string got;
      // When the peer writes, relative to the cancellation and to the scheduler's turns.
      const int when = round % 6;
      const auto reading = [&]() -> task<> {
        const frame_memory::tenant tenant(memory);
        const std::size_t count = co_await c.stream.read(memory.bytes());
        got = text_of(memory.bytes().first(count));
        ++taken;
      };
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { static_cast<void>(co_await scope.run(reading)); });
        if (when == 0) c.peer.send("bytes");  // before it is begun
        co_await yield();
        if (when == 1) c.peer.send("bytes");  // begun, not submitted
        if (when >= 2) co_await sleep_for(1us);
        if (when == 2) c.peer.send("bytes");  // submitted
        scope.cancel();
        if (when == 3) c.peer.send("bytes");  // the cancel is not submitted
        co_await yield();
        if (when == 4) c.peer.send("bytes");
        co_await sleep_for(std::chrono::microseconds(round % 50));
      });
      REQUIRE((got.empty() || got == "bytes"));
      if (when == 5) c.peer.send("bytes");  // long after
      c.peer.shut_down_write();
      REQUIRE(memory.untouched());
      while (const buffer_lease chunk = co_await c.stream.read_some()) got += text_of(chunk);
      REQUIRE(memory.untouched());
      REQUIRE(got == "bytes");
    }
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("reads that are cancelled at any moment take nothing", "[tcp][soundness][threads]") {
  const std::uint32_t seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  CAPTURE(seed);
  run_net([&]() -> task<> {
    const leak_check leaks;
    std::size_t cancelled = 0, delivered = 0;
    {
      const std::string sent = pattern(1'000'000);
      connection c = make_connection();
      c.stream.set_receive_quota(30'000);
      std::thread writer([&, fd = ::fcntl(c.peer.get(), F_DUPFD_CLOEXEC, 0)] {
        std::minstd_rand chance(seed + 7);
        const raw_socket peer(fd);
        for (std::size_t at = 0; at < sent.size();) {
          const std::size_t count = std::min<std::size_t>(sent.size() - at, 1 + chance() % 8000);
          peer.send(std::string_view(sent).substr(at, count));
          at += count;
          if (chance() % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(chance() % 60));
        }
        peer.shut_down_write();
      });
      std::minstd_rand random(seed);
      std::string got;
      for (bool ended = false; !ended;) {
        const auto patience = std::chrono::microseconds(random() % 60);
        // Own receives alone at first: the multishot one, once armed, goes on.
        if (got.size() > sent.size() / 2 && random() % 2 == 0) {
          const std::optional<buffer_lease> chunk = co_await move_on_after(patience, c.stream.read_some());
          ++(chunk ? delivered : cancelled);
          if (chunk) got += text_of(*chunk);
          ended = chunk && chunk->empty();
        } else {
          // Memory of its own for every read, which is gone when the read has ended.
          std::vector<std::byte> into(1 + random() % 10'000);
          const std::optional<std::size_t> count = co_await move_on_after(patience, c.stream.read(into));
          ++(count ? delivered : cancelled);
          if (count) got += text_of(std::span(into).first(*count));
          ended = count == 0U;
        }
      }
      writer.join();
      REQUIRE(first_difference(got, sent) == std::string::npos);
      co_await c.stream.close();
    }
    CHECK(cancelled > 0);
    CHECK(delivered > 0);
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("accepts that are cancelled at any moment take no connection", "[tcp][soundness][threads]") {
  const std::size_t queue = GENERATE(1U, 16U);
  run_net([&]() -> task<> {
    const leak_check leaks;
    std::size_t cancelled = 0;
    {
      constexpr int connections = 400;
      auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .accept_queue = queue});
      std::vector<raw_socket> clients;
      std::thread connecting([&, address = listener.local_address()] {
        std::minstd_rand chance(5);
        for (int i = 0; i < connections; ++i) {
          clients.push_back(raw_socket::connected_to(address));
          clients.back().send(std::string(1, static_cast<char>(i)));
          if (chance() % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(chance() % 100));
        }
      });
      std::minstd_rand random(6);
      std::vector<net::tcp_stream> accepted;
      while (accepted.size() < connections) {
        const auto patience = std::chrono::microseconds(random() % 80);
        std::optional<net::tcp_stream> stream = co_await move_on_after(patience, listener.accept());
        if (!stream) {
          ++cancelled;
          continue;
        }
        std::array<std::byte, 2> number{};
        const std::size_t count = co_await stream->read(number);
        REQUIRE(count == 1);
        REQUIRE(static_cast<int>(number[0]) == static_cast<int>(accepted.size()) % 256);  // none lost, in order
        accepted.push_back(std::move(*stream));
      }
      connecting.join();
      for (net::tcp_stream& stream : accepted) co_await stream.close();
      co_await listener.close();
    }
    CHECK(cancelled > 0);
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a connection accepted too late waits in the listener's queue", "[tcp][soundness]") {
  run_net([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    for (int round = 0; round < 50; ++round) {
      cancel_scope scope;
      std::optional<net::tcp_stream> first;
      raw_socket client = raw_socket::make();
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { first = co_await scope.run(listener.accept()); });
        co_await a_moment();
        const net::socket_address address = listener.local_address();
        checked(::connect(client.get(), address.data(), address.size()), "connect");
        scope.cancel();
      });
      REQUIRE(!first);
      net::tcp_stream second = co_await listener.accept();
      REQUIRE(second.peer_address() == client.address());
    }
  });
}

TEST_CASE("connects that are cancelled at any moment leave nothing behind", "[tcp][soundness][threads]") {
  run_net([]() -> task<> {
    const leak_check leaks;
    std::size_t cancelled = 0, delivered = 0;
    {
      raw_socket listener = raw_socket::listening(512);
      const net::socket_address address = listener.address();
      std::thread accepting([&] {
        for (int fd = 0; (fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) ::close(fd);
      });
      std::minstd_rand random(11);
      for (int i = 0; i < 600; ++i) {
        const auto patience = std::chrono::microseconds(random() % 60);
        const std::optional<net::tcp_stream> stream = co_await move_on_after(patience, net::connect_tcp(address));
        ++(stream ? delivered : cancelled);
        if (stream) REQUIRE(stream->peer_address() == address);
      }
      co_await until([] { return scheduler::current().stats().operations == 0; });
      ::shutdown(listener.get(), SHUT_RDWR);
      accepting.join();
    }
    CHECK(delivered > 0);
    REQUIRE(cancelled + delivered == 600);
    REQUIRE(leaks.check() == "");
  });
}

TEST_CASE("a connect that succeeds in the turn in which it is cancelled is delivered", "[tcp][soundness]") {
  run_net([]() -> task<> {
    const raw_socket listener = raw_socket::listening(512);
    std::size_t late = 0;
    for (int i = 0; i < 50; ++i) {
      cancel_scope scope;
      std::optional<net::tcp_stream> stream;
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          const auto connecting = [&]() -> task<> {
            net::tcp_stream made = co_await net::connect_tcp(listener.address());
            stream = std::move(made);
            co_await sleep_for(1h);  // cancelled: the next await is
          };
          static_cast<void>(co_await scope.run(connecting));
        });
        co_await yield();
        scope.cancel();  // before the kernel has been told of either
      });
      if (stream) {
        ++late;
        const raw_socket peer = listener.accepted();
        peer.send("!");
        const buffer_lease chunk = co_await stream->read_some();
        REQUIRE(text_of(chunk) == "!");
      } else {
        checked(::fcntl(listener.get(), F_SETFL, O_NONBLOCK), "fcntl");
        for (int fd = 0; (fd = ::accept(listener.get(), nullptr, nullptr)) >= 0;) ::close(fd);
        checked(::fcntl(listener.get(), F_SETFL, 0), "fcntl");
      }
    }
    REQUIRE(late > 0);
  });
}

TEST_CASE("a descriptor is not closed, and its number not used again, before the last operation on it has ended",
          "[tcp][soundness]") {
  const int kind = GENERATE(0, 1, 2);
  run_net([&]() -> task<> {
    std::optional<connection> c(make_connection(1000));
    const int fd = c->stream.native_handle();
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        std::array<std::byte, 4> into{};
        const std::string text = pattern(1'000'000);
        if (kind == 0) static_cast<void>(co_await c->stream.read_some().result());
        if (kind == 1) static_cast<void>(co_await c->stream.read(into).result());
        if (kind == 2) static_cast<void>(co_await c->stream.write_all(text).result());
      });
      co_await yield();  // begun; the kernel does not know yet
      c->stream.abort();
      REQUIRE(::fcntl(fd, F_GETFD) >= 0);
      const raw_socket other = raw_socket::make();
      REQUIRE(other.get() != fd);
      co_await until([] { return scheduler::current().stats().operations == 0; });
      REQUIRE(::fcntl(fd, F_GETFD) < 0);
    });
    c.emplace(make_connection());
    c->peer.send("x");
    static_cast<void>(co_await c->stream.read_some());
    const int armed = c->stream.native_handle();
    c.reset();
    REQUIRE(::fcntl(armed, F_GETFD) >= 0);
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(::fcntl(armed, F_GETFD) < 0);

    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const int listening = listener.native_handle();
    const auto none = co_await move_on_after(1ms, listener.accept());
    REQUIRE(!none);
    listener = net::tcp_listener();
    REQUIRE(::fcntl(listening, F_GETFD) >= 0);
    co_await until([] { return scheduler::current().stats().operations == 0; });
    REQUIRE(::fcntl(listening, F_GETFD) < 0);
  });
}

}  // namespace
