// SPDX-License-Identifier: MIT
// What must not be done ends the process, with a description.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/sanitizers.hpp>

#include "support/in_child.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

bool says(const testing::child_end& end, std::string_view text) {
  return !end.clean && end.report.find(text) != std::string::npos;
}

TEST_CASE("a stream that is destroyed while a task is suspended on it ends the process",
          "[tcp][misuse][real_fd][threads]") {
  enum class waiting_in { read_some, read, armed_read, write, second_write, close };
  const waiting_in where = GENERATE(waiting_in::read_some, waiting_in::read, waiting_in::armed_read, waiting_in::write,
                                    waiting_in::second_write, waiting_in::close);
  CAPTURE(static_cast<int>(where));
  const auto end = in_child([&] {
    run_net([&]() -> task<> {
      std::optional<connection> c(make_connection(1000));
      const std::string text = pattern(1'000'000);
      const auto suspended = [&]() -> task<> {
        std::array<std::byte, 4> into{};
        switch (where) {
          case waiting_in::read_some:
            static_cast<void>(co_await c->stream.read_some());
            break;
          case waiting_in::armed_read:
          case waiting_in::read:
            static_cast<void>(co_await c->stream.read(into));
            break;
          case waiting_in::write:
          case waiting_in::second_write:
            co_await c->stream.write_all(text);
            break;
          case waiting_in::close:
            co_await c->stream.close();
            break;
        }
      };
      if (where == waiting_in::armed_read || where == waiting_in::close) {
        c->peer.send("x");
        static_cast<void>(co_await c->stream.read_some());
      }
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start(suspended);
        if (where == waiting_in::second_write) n.start(suspended);
        if (where == waiting_in::close) {
          co_await yield();
        } else {
          co_await a_moment();
        }
        c.reset();
      });
    });
  });
  REQUIRE(says(end, "wring: a stream (descriptor "));
  REQUIRE(says(end, ") was destroyed while a task is suspended on it\n"));
}

TEST_CASE("a listener that is destroyed while a task waits for a connection ends the process",
          "[tcp][misuse][threads]") {
  const bool closing = GENERATE(false, true);
  const auto end = in_child([&] {
    run_net([&]() -> task<> {
      std::optional<net::tcp_listener> listener = co_await net::listen_tcp();
      if (closing) static_cast<void>(co_await move_on_after(1ms, listener->accept()));  // arms the accept
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> {
          if (closing) {
            co_await listener->close();
          } else {
            static_cast<void>(co_await listener->accept());
          }
        });
        co_await yield();
        listener.reset();
      });
    });
  });
  REQUIRE(says(end, "wring: a listener (descriptor "));
  REQUIRE(says(end, ") was destroyed while a task waits for a connection\n"));
}

TEST_CASE("a stream or listener that outlives its scheduler ends the process", "[tcp][misuse][real_fd][threads]") {
  const auto stream = in_child([] {
    std::unique_ptr<connection> c;
    run_net([&]() -> task<> {
      c = std::make_unique<connection>(make_connection());
      co_return;
    });
    c.reset();
  });
  REQUIRE(says(stream, ") was destroyed outside of its scheduler's thread or life\n"));
  const auto listener = in_child([] {
    net::tcp_listener kept;
    run_net([&]() -> task<> { kept = co_await net::listen_tcp(); });
  });
  REQUIRE(says(listener, "wring: a listener (descriptor "));
  REQUIRE(says(listener, ") was destroyed outside of its scheduler's thread or life\n"));
}

#if !WRING_THREAD_SANITIZER
TEST_CASE("a stream that is destroyed on another thread ends the process", "[tcp][misuse][real_fd][threads]") {
  const auto end = in_child([] {
    run_net([&]() -> task<> {
      std::optional<connection> c = make_connection();
      std::thread([&] { c.reset(); }).join();
      co_return;
    });
  });
  REQUIRE(says(end, ") was destroyed outside of its scheduler's thread or life\n"));
}
#endif

#if WRING_ADDRESS_SANITIZER
TEST_CASE("the use of bytes of a stream after their lease has gone is reported", "[tcp][misuse][real_fd][threads]") {
  const auto end = in_child([] {
    run_net([]() -> task<> {
      connection c = make_connection();
      c.peer.send("bytes");
      const volatile std::byte* data = nullptr;
      {
        const buffer_lease chunk = co_await c.stream.read_some();
        data = chunk.data();
      }
      static_cast<void>(*data);
    });
  });
  REQUIRE(says(end, "use-after-poison"));
}

TEST_CASE("the use of the frame of a cancelled reader is reported", "[tcp][misuse][real_fd][threads]") {
  const auto end = in_child([] {
    run_net([]() -> task<> {
      connection c = make_connection();
      const volatile std::byte* data = nullptr;
      const auto reading = [&]() -> task<> {
        std::array<std::byte, 16> into{};
        data = into.data();
        static_cast<void>(co_await c.stream.read(into));
      };
      static_cast<void>(co_await move_on_after(1ms, reading));
      static_cast<void>(*data);
    });
  });
  REQUIRE((says(end, "use-after-poison") || says(end, "heap-use-after-free")));
}
#endif

}  // namespace
