// SPDX-License-Identifier: MIT
// Many connections, little room, and what a steady load costs.

#include <array>
#include <atomic>
#include <random>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/config.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/serve.hpp>

#include "support/allocation_count.hpp"
#include "support/captured_log.hpp"
#include "support/engines.hpp"
#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using net::ip_address;
using testing::leak_check;

constexpr net::tcp_listen_options on_loopback{.address = ip_address::loopback_v4};

task<> echo(net::tcp_stream peer) {
  while (const buffer_lease chunk = co_await peer.read_some()) co_await peer.write_all(chunk);
}

/// Raises the soft limit of descriptors while it exists.
class many_descriptors {
 public:
  many_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &found_);
    ::rlimit raised = found_;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
  }
  many_descriptors(const many_descriptors&) = delete;
  many_descriptors& operator=(const many_descriptors&) = delete;
  ~many_descriptors() { ::setrlimit(RLIMIT_NOFILE, &found_); }

  [[nodiscard]] std::size_t limit() const noexcept { return found_.rlim_max; }

 private:
  ::rlimit found_{};
};

TEST_CASE("with a completion queue of four entries nothing is lost: accepts, receives, sends, posts",
          "[tcp][threads]") {
  scheduler_options options;
  options.engine.queue_entries = 4;
  options.engine.completion_entries = 4;
  run_net(
      [&]() -> task<> {
        constexpr std::size_t connections = 60;
        constexpr int rounds = 20;
        auto listener = co_await net::listen_tcp(on_loopback);
        scheduler& home = scheduler::current();
        std::size_t finished = 0;
        int posted = 0;
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> { co_await net::serve(listener, echo); });
          std::thread posting([&] {
            for (int i = 0; i < 200; ++i) {
              home.post([&] { ++posted; });
              std::this_thread::sleep_for(std::chrono::microseconds(i % 50));
            }
          });
          const auto talk = [&](std::size_t number) -> task<> {
            net::tcp_stream server = co_await net::connect_tcp(listener.local_address());
            for (int round = 0; round < rounds; ++round) {
              const std::string text = pattern(50 + number * 10, number + static_cast<std::size_t>(round));
              co_await server.write_all(text);
              std::string got;
              while (got.size() < text.size()) {
                const buffer_lease chunk = co_await server.read_some();
                REQUIRE(!chunk.empty());
                got += text_of(chunk);
              }
              REQUIRE(got == text);
            }
            co_await server.shut_down_write();
            const buffer_lease end = co_await server.read_some();
            REQUIRE(end.empty());
            ++finished;
          };
          for (std::size_t i = 0; i < connections; ++i) n.start(talk, i);
          co_await until([&] { return finished == connections && posted == 200; });
          posting.join();
          n.cancel();
        });
        // Other engines than io_uring have no queue that could overflow.
        const bool has_queue = std::string_view(home.engine().name()) == "io_uring";
        REQUIRE((home.engine().totals().overflows > 0) == has_queue);
      },
      options);
}

TEST_CASE("tasks that wait for connections get them though an overflow has ended the accept", "[tcp]") {
  needs_io_uring();
  /// Counts the accepts that have ended with a connection: there was no room to say so and go on.
  struct accepts final : scheduler_observer {
    int ended = 0;
    void operation_completed(const operation& op, completion c) noexcept override {
      if (op.code == op_code::accept_multishot && c.result >= 0 && !c.more()) ++ended;
    }
  };
  scheduler_options options;
  options.engine.queue_entries = 4;
  options.engine.completion_entries = 4;
  options.completions_per_turn = 1;  // so that the queue stays full
  run_net(
      [&]() -> task<> {
        accepts seen;
        scheduler::current().observe(&seen);
        auto listener = co_await net::listen_tcp(on_loopback);
        std::vector<connection> busy;
        for (int i = 0; i < 12; ++i) busy.push_back(make_connection());
        for (int round = 0; round < 10; ++round) {
          std::size_t accepted = 0, received = 0;
          std::vector<raw_socket> clients;
          co_await with_nursery([&](nursery& n) -> task<> {
            for (int i = 0; i < 2; ++i) {
              n.start([&]() -> task<> {
                static_cast<void>(co_await listener.accept());
                ++accepted;
              });
            }
            for (connection& c : busy) {
              n.start([&received, &c]() -> task<> {
                std::array<std::byte, 1> into{};
                received += co_await c.stream.read(into);
              });
            }
            co_await a_moment();  // all of them wait in the kernel
            for (const connection& c : busy) c.peer.send("x");
            for (int i = 0; i < 2; ++i) clients.push_back(raw_socket::connected_to(listener.local_address()));
          });
          REQUIRE(accepted == 2);
          REQUIRE(received == busy.size());
        }
        REQUIRE(seen.ended > 0);
        scheduler::current().observe(nullptr);
      },
      options);
}

TEST_CASE("of five thousand connections half are killed at random moments, and the others are served", "[tcp]") {
  constexpr std::size_t connections = 5000;
  const many_descriptors raised;
  if (raised.limit() < 2 * connections + 200) {
    SKIP("needs 10,200 descriptors, the hard limit is " << raised.limit());
  }
  captured_log log;
  run_net([&]() -> task<> {
    const leak_check leaks;
    {
      auto listener = co_await net::listen_tcp(on_loopback);
      const auto handler = [](net::tcp_stream peer) -> task<> {
        while (const buffer_lease chunk = co_await peer.read_some()) {
          if (text_of(chunk) == "quit") co_return;
          co_await peer.write_all(chunk);
        }
      };
      co_await with_nursery([&](nursery& n) -> task<> {
        const child_handle server = n.start([&]() -> task<> { co_await net::serve(listener, handler); });
        std::minstd_rand random(4711);
        const std::string long_text = pattern(20'000);
        std::vector<raw_socket> clients;
        clients.reserve(connections);
        std::vector<std::size_t> doomed, staying;
        const auto kill_one = [&] {
          if (doomed.empty()) return;
          raw_socket& client = clients[doomed.back()];
          doomed.pop_back();
          // Waiting to be read from, to be written to, or not accepted yet.
          if (random() % 2 == 0) client.send(std::string_view(long_text).substr(0, 1 + random() % long_text.size()));
          if (random() % 8 == 0) {
            client.close();
          } else {
            client.reset_connection();
          }
        };
        for (std::size_t i = 0; i < connections; ++i) {
          clients.push_back(raw_socket::connected_to(listener.local_address()));
          (i % 2 == 0 ? staying : doomed).push_back(i);
          if (i % 2 == 0) clients.back().send("first");
          if (random() % 3 == 0) kill_one();
          if (i % 64 == 0) co_await sleep_for(20us);
        }
        while (!doomed.empty()) {
          for (std::size_t i = 0; i < 50; ++i) kill_one();
          co_await sleep_for(20us);
        }
        for (const std::size_t i : staying) {
          const std::string answer = co_await clients[i].receive(5);
          REQUIRE(answer == "first");
        }
        for (const std::size_t i : staying) clients[i].send("second");
        for (const std::size_t i : staying) {
          const std::string answer = co_await clients[i].receive(6);
          REQUIRE(answer == "second");
        }
        REQUIRE(!server.done());
        scheduler::current().request_stop();
        // The server ends them: otherwise the clients' ports would not be free again for a while.
        for (const std::size_t i : staying) clients[i].send("quit");
        co_await until([&] { return server.done() && scheduler::current().stats().operations == 0; });
      });
    }
    REQUIRE(leaks.check() == "");
  });
  REQUIRE(log.lines().empty());
}

TEST_CASE("a steady echo allocates nothing and enters the kernel's ring once a hop", "[tcp]") {
  const bool own_memory = GENERATE(false, true);
  const unsigned batch_sends_from = GENERATE(0U, scheduler_options().batch_sends_from);
  if (!counts_allocations || WRING_CHECKS) SKIP("sanitizers and checks allocate");
  const auto exchange = [&]() -> task<> {
    stream_pair pair = make_stream_pair();
    std::uint64_t allocated = 0;
    scheduler_stats used{};
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(echo, std::move(pair.b));
      constexpr int warm_up = 200, rounds = 1000;
      const std::string message = pattern(64);
      std::array<std::byte, 64> into{};
      std::uint64_t allocated_before = 0;
      scheduler_stats before{};
      for (int round = 0; round < warm_up + rounds; ++round) {
        if (round == warm_up) {
          allocated_before = allocations();
          before = scheduler::current().stats();
        }
        co_await pair.a.write_all(message);
        for (std::size_t got = 0; got < 64;) {
          if (own_memory) {
            got += co_await pair.a.read(into);
          } else {
            const buffer_lease chunk = co_await pair.a.read_some();
            got += chunk.size();
          }
        }
      }
      allocated = allocations() - allocated_before;
      const scheduler_stats after = scheduler::current().stats();
      used.kernel_calls = after.kernel_calls - before.kernel_calls;
      used.operations_submitted = after.operations_submitted - before.operations_submitted;
      co_await pair.a.shut_down_write();
    });
    REQUIRE(allocated == 0);
    // Receives stay armed and sends end at once, unless they are gathered; a read into own memory is an operation.
    const bool gathers = batch_sends_from == 0 && scheduler::current().engine().batches_sends();
    REQUIRE(used.kernel_calls <= (gathers ? 4U : 2U) * 1000 + 10);
    REQUIRE(used.operations_submitted <= (own_memory ? 1000U : 0U) + (gathers ? 2000U : 0U) + 10);
  };
  run_net(exchange, {.batch_sends_from = batch_sends_from});
}

}  // namespace
