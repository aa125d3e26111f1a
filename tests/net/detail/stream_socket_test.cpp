// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/detail/stream_socket.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

scheduler_options with_buffers(unsigned count, unsigned size = 16 * 1024) {
  scheduler_options options;
  options.engine.buffers = {.count = count, .size = size, .initial = count};
  return options;
}

unsigned leased() { return scheduler::current().stats().buffers_leased; }
std::size_t in_flight() { return scheduler::current().stats().operations; }

/// Writes without blocking until nothing more is taken for a while; returns how much was.
task<std::size_t> fill(raw_socket& peer, const std::string& text) {
  std::size_t sent = 0;
  for (int refused = 0; refused < 20 && sent < text.size();) {
    const ssize_t n = ::send(peer.get(), text.data() + sent, text.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
      refused = 0;
    } else {
      ++refused;
    }
    co_await sleep_for(500us);
  }
  co_return sent;
}

TEST_CASE("leased reads and reads into own memory may be mixed, and no byte is lost or reordered", "[tcp][threads]") {
  const std::uint32_t seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
  const unsigned buffers = GENERATE(1U, 2U, 64U);
  CAPTURE(seed, buffers);
  run_net(
      [&]() -> task<> {
        std::minstd_rand random(seed);
        const std::string sent = pattern(400'000);
        connection c = make_connection();
        c.stream.set_receive_quota(seed % 2 == 0 ? 1 : 20'000);
        std::thread writer([&, fd = c.peer.get()] {
          std::minstd_rand chance(seed + 99);
          const raw_socket peer(::dup(fd));
          for (std::size_t at = 0; at < sent.size();) {
            const std::size_t count =
                std::min<std::size_t>(sent.size() - at, 1 + chance() % (seed > 3 ? 5000 : 40'000));
            peer.send(std::string_view(sent).substr(at, count));
            at += count;
            if (chance() % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds(chance() % 200));
          }
          peer.shut_down_write();
        });
        std::string got;
        std::vector<std::byte> into(30'000);
        for (bool ended = false; !ended;) {
          if (random() % 2 == 0) {
            const buffer_lease chunk = co_await c.stream.read_some();
            got += text_of(chunk);
            ended = chunk.empty();
          } else {
            const auto part = std::span(into).first(1 + random() % (random() % 3 == 0 ? into.size() : 100));
            const std::size_t count = co_await c.stream.read(part);
            got += text_of(part.first(count));
            ended = count == 0;
          }
          if (random() % 8 == 0) co_await sleep_for(std::chrono::microseconds(random() % 300));
        }
        writer.join();
        REQUIRE(first_difference(got, sent) == std::string::npos);
        REQUIRE(leased() == 0);
      },
      with_buffers(buffers, buffers == 64 ? 16 * 1024 : 1024));
}

TEST_CASE("the receive ends at the quota and holds the peer back, and nothing of it is lost", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.peer.option(SOL_SOCKET, SO_SNDBUF, 32 * 1024);
    c.stream.set_receive_buffer(32 * 1024);
    c.stream.set_receive_quota(100'000);
    const std::string text = pattern(20'000'000);
    c.peer.send("!");
    {
      const buffer_lease first = co_await c.stream.read_some();
      REQUIRE(first.size() == 1);
    }
    REQUIRE(in_flight() == 1);
    const std::size_t sent = co_await fill(c.peer, text);
    REQUIRE(in_flight() == 0);  // the receive has ended
    REQUIRE(sent >= 100'000);
    REQUIRE(sent < 100'000 + 33 * 16 * 1024 + 4 * 64 * 1024);
    std::string got;
    while (got.size() < sent) {
      const buffer_lease chunk = co_await c.stream.read_some();
      got += text_of(chunk);
    }
    REQUIRE(got.size() == sent);
    REQUIRE(first_difference(got, std::string_view(text).substr(0, sent)) == std::string::npos);
    // And it goes on.
    c.peer.send("more");
    const buffer_lease more = co_await c.stream.read_some();
    REQUIRE(text_of(more) == "more");
  });
}

TEST_CASE("tiny pieces count for more than their bytes against the quota", "[tcp]") {
  run_net([]() -> task<> {
    connection c = make_connection();
    c.stream.set_receive_quota(4096);
    c.peer.send("!");
    static_cast<void>(co_await c.stream.read_some());
    int pieces = 0;
    for (; pieces < 200 && in_flight() != 0; ++pieces) {
      c.peer.send("x");
      co_await sleep_for(50us);
    }
    REQUIRE(pieces < 100);
    c.peer.shut_down_write();
    std::string got;
    while (const buffer_lease chunk = co_await c.stream.read_some()) got += text_of(chunk);
    REQUIRE(got == std::string(static_cast<std::size_t>(pieces), 'x'));
  });
}

TEST_CASE("connections share one buffer, and everything arrives in order", "[tcp]") {
  run_net(
      []() -> task<> {
        constexpr std::size_t connections = 40;
        constexpr std::size_t rounds = 30;
        std::vector<stream_pair> pairs;
        for (std::size_t i = 0; i < connections; ++i) pairs.push_back(make_stream_pair());
        std::size_t done = 0;
        co_await with_nursery([&](nursery& n) -> task<> {
          for (stream_pair& pair : pairs) {
            n.start([&pair]() -> task<> {
              while (const buffer_lease chunk = co_await pair.b.read_some()) co_await pair.b.write_all(chunk);
            });
            n.start([&pair, &done]() -> task<> {
              for (std::size_t round = 0; round < rounds; ++round) {
                const std::string sent = pattern(1 + round * 37, round);
                co_await pair.a.write_all(sent);
                std::string got;
                while (got.size() < sent.size()) {
                  const buffer_lease chunk = co_await pair.a.read_some();
                  REQUIRE(!chunk.empty());
                  got += text_of(chunk);
                }
                REQUIRE(got == sent);
              }
              co_await pair.a.shut_down_write();
              ++done;
            });
          }
          co_return;
        });
        REQUIRE(done == connections);
        REQUIRE(leased() == 0);
      },
      with_buffers(1, 256));
}

TEST_CASE("who holds the last buffer makes the others wait until it is returned, in order", "[tcp]") {
  run_net(
      []() -> task<> {
        connection holder = make_connection(), second = make_connection(), third = make_connection();
        holder.peer.send("held");
        std::optional<buffer_lease> lease(co_await holder.stream.read_some());
        REQUIRE(leased() == 1);
        std::vector<std::string> order;
        const auto reading = [&](connection& c) -> task<> {
          const buffer_lease chunk = co_await c.stream.read_some();
          order.emplace_back(text_of(chunk));
          co_await a_moment();
        };
        co_await with_nursery([&](nursery& n) -> task<> {
          second.peer.send("second");
          n.start(reading, std::ref(second));
          co_await a_moment();
          third.peer.send("third");
          n.start(reading, std::ref(third));
          co_await a_moment();
          co_await a_moment();
          REQUIRE(order.empty());
          REQUIRE(in_flight() == 1);  // the holder's receive alone: the others do not keep trying
          lease.reset();
        });
        REQUIRE(order == std::vector<std::string>{"second", "third"});
      },
      with_buffers(1));
}

TEST_CASE("a buffer that the one who waited for it no longer needs goes to the next", "[tcp]") {
  enum class end { close, cancel, peer_reset, destroy };
  const end how = GENERATE(end::close, end::cancel, end::peer_reset, end::destroy);
  const bool before_the_return = GENERATE(false, true);
  CAPTURE(static_cast<int>(how), before_the_return);
  run_net(
      [&]() -> task<> {
        connection holder = make_connection(), third = make_connection();
        std::optional<connection> second(make_connection());
        holder.peer.send("held");
        std::optional<buffer_lease> lease(co_await holder.stream.read_some());
        // What ends without a buffer: the receive of a stream that has just been told of one.
        cancel_scope cancelled;
        std::string got;
        const auto second_reads = [&]() -> task<> {
          const auto reading = [&]() -> task<> {
            const auto outcome = co_await second->stream.read_some().result();
            if (how == end::peer_reset) REQUIRE((!outcome || !outcome.value().empty()));
          };
          co_await cancelled.run(reading);
        };
        const auto third_reads = [&]() -> task<> {
          const buffer_lease chunk = co_await third.stream.read_some();
          got = text_of(chunk);
        };
        co_await with_nursery([&](nursery& n) -> task<> {
          second->peer.send("second");
          third.peer.send("third");
          n.start(second_reads);
          co_await a_moment();
          n.start(third_reads);
          co_await a_moment();
          if (!before_the_return) lease.reset();
          switch (how) {
            case end::close:
              co_await second->stream.close();
              break;
            case end::cancel:
              cancelled.cancel();
              break;
            case end::peer_reset:
              second->peer.reset_connection();
              break;
            case end::destroy:
              cancelled.cancel();
              co_await yield();
              second.reset();
              break;
          }
          lease.reset();
        });
        REQUIRE(got == "third");
      },
      with_buffers(1));
}

TEST_CASE("a cancelled reader no longer waits for a buffer: a read into own memory needs none", "[tcp]") {
  run_net(
      []() -> task<> {
        connection holder = make_connection(), other = make_connection();
        holder.peer.send("held");
        const buffer_lease lease = co_await holder.stream.read_some();
        other.peer.send("bytes");
        const auto none = co_await move_on_after(5ms, other.stream.read_some());
        REQUIRE(!none);
        std::array<std::byte, 8> into{};
        const std::size_t count = co_await other.stream.read(into);
        REQUIRE(text_of(std::span(into).first(count)) == "bytes");
      },
      with_buffers(1));
}

TEST_CASE("an idle stream is not told of a buffer that another one needs", "[tcp]") {
  run_net(
      []() -> task<> {
        connection holder = make_connection(), idle = make_connection(), other = make_connection();
        // The idle one has been short of a buffer once.
        holder.peer.send("held");
        std::optional<buffer_lease> lease(co_await holder.stream.read_some());
        idle.stream.set_receive_quota(1);
        idle.peer.send("a");
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { static_cast<void>(co_await idle.stream.read_some()); });
          co_await a_moment();
          lease.reset();
        });
        idle.peer.send("b");  // ends the receive, by the quota
        co_await a_moment();
        static_cast<void>(co_await idle.stream.read_some());
        holder.peer.send("held");
        lease = co_await holder.stream.read_some();
        std::string got;
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { static_cast<void>(co_await idle.stream.read_some().result()); });
          co_await a_moment();
          n.start([&]() -> task<> {
            const buffer_lease chunk = co_await other.stream.read_some();
            got = text_of(chunk);
            co_await idle.stream.close();
          });
          other.peer.send("other");
          co_await a_moment();
          lease.reset();
        });
        REQUIRE(got == "other");
      },
      with_buffers(1));
}

TEST_CASE("a stream whose task does not read cannot take the buffers from the others", "[tcp]") {
  const bool tiny = GENERATE(true, false);
  run_net(
      [&]() -> task<> {
        connection lazy = make_connection(), busy = make_connection();
        lazy.stream.set_receive_quota(1'000'000);
        lazy.peer.send("!");
        static_cast<void>(co_await lazy.stream.read_some());  // armed from now on
        std::string unread;
        for (std::size_t i = 0; i < 30; ++i) {
          const std::string piece = pattern(tiny ? 1 : 1000, i);
          lazy.peer.send(piece);
          unread += piece;
          co_await sleep_for(300us);
        }
        for (int i = 0; i < 20; ++i) {
          busy.peer.send("served");
          const buffer_lease chunk = co_await busy.stream.read_some();
          REQUIRE(text_of(chunk) == "served");
        }
        lazy.peer.shut_down_write();
        std::string got;
        while (const buffer_lease chunk = co_await lazy.stream.read_some()) got += text_of(chunk);
        REQUIRE(got == unread);
      },
      with_buffers(4, 1024));
}

TEST_CASE("release() keeps what the kernel had delivered and nobody had seen", "[tcp]") {
  scheduler_options options;
  options.completions_per_turn = 1;
  run_net(
      [&]() -> task<> {
        const leak_check leaks;
        for (int round = 0; round < 20; ++round) {
          std::array<connection, 4> others{make_connection(), make_connection(), make_connection(), make_connection()};
          connection c = make_connection();
          const bool reading = round % 2 == 0;
          c.peer.send("a");
          std::string got;
          {
            const buffer_lease chunk = co_await c.stream.read_some();
            got += text_of(chunk);
          }
          net::released_connection given;
          co_await with_nursery([&](nursery& n) -> task<> {
            for (connection& other : others) {
              n.start([&other]() -> task<> { static_cast<void>(co_await other.stream.read_some()); });
            }
            if (reading) {
              n.start([&]() -> task<> {
                const auto chunk = co_await c.stream.read_some().result();
                if (chunk) got += text_of(chunk.value());
              });
            }
            co_await a_moment();
            for (connection& other : others) other.peer.send("x");
            c.peer.send("b");
            // One completion a turn: this one is in the queue while the first of the others is seen.
            co_await sleep_for(std::chrono::nanoseconds(1));
            given = co_await c.stream.release();
          });
          raw_socket mine(given.fd.release());
          got += text_of(given.unread);
          c.peer.send("c");
          got += co_await mine.receive(3 - got.size());
          REQUIRE(got == "abc");
        }
        co_await until([] { return in_flight() == 0; });
        REQUIRE(leaks.check() == "");
      },
      options);
}

}  // namespace
