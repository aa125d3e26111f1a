// SPDX-License-Identifier: MIT
// Sends that go to the kernel together; that they keep the rules of all writes is in sender_test.

#include <string>
#include <sys/socket.h>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/scheduler.hpp>
#include <wring/core/scheduler_observer.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/net/detail/socket_write_wait.hpp>

#include "support/tcp_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using testing::leak_check;

/// Counts the sends that are submitted; none of them may wait in the kernel.
class send_count final : public scheduler_observer {
 public:
  send_count() { scheduler::current().observe(this); }
  ~send_count() override { scheduler::current().observe(nullptr); }
  void operation_submitted(const operation& op) noexcept override {
    if (op.code != op_code::send) return;
    ++submitted;
    may_wait = may_wait || (op.flags & MSG_DONTWAIT) == 0;
  }

  unsigned submitted = 0;
  bool may_wait = false;
};

TEST_CASE("sends are batched where turns bring many completions, and made at once where they do not",
          "[tcp][real_fd]") {
  const bool many = GENERATE(false, true);
  const auto conversation = [&]() -> task<> {
    const bool batched = many && scheduler::current().engine().batches_sends();
    const std::size_t connections = many ? 64 : 4;
    std::vector<connection> all;
    for (std::size_t i = 0; i < connections; ++i) all.push_back(make_connection());
    const send_count count;
    co_await with_nursery([&](nursery& n) -> task<> {
      for (connection& c : all) {
        n.start([&c]() -> task<> {
          while (const buffer_lease chunk = co_await c.stream.read_some()) co_await c.stream.write_all(chunk);
        });
      }
      co_await yield();
      for (int round = 0; round < 3; ++round) {
        for (const connection& c : all) c.peer.send("ping");
        for (connection& c : all) {
          const std::string answer = co_await c.peer.receive(4);
          REQUIRE(answer == "ping");
        }
      }
      for (const connection& c : all) c.peer.shut_down_write();
    });
    if (batched) {
      REQUIRE(count.submitted >= connections);
    } else {
      REQUIRE(count.submitted == 0);
    }
    REQUIRE_FALSE(count.may_wait);
  };
  run_net(conversation, {.batch_sends_from = 8});
}

TEST_CASE("a batched send that is cancelled before the kernel has seen it has sent all or nothing", "[tcp][real_fd]") {
  const unsigned queue_entries = GENERATE(1U, 256U);
  run_net(
      [&]() -> task<> {
        const leak_check leaks;
        {
          std::vector<connection> all;
          for (int i = 0; i < 8; ++i) all.push_back(make_connection());
          std::vector<std::string> expected(all.size());
          co_await with_nursery([&](nursery& n) -> task<> {
            for (std::size_t i = 0; i < all.size(); ++i) {
              n.start([&, i]() -> task<> {
                co_await all[i].stream.write_all("sent,");
                expected[i] = "sent,";
              });
            }
            co_await yield();  // they have begun, and nobody has entered the kernel
            n.cancel();
          });
          for (std::size_t i = 0; i < all.size(); ++i) {
            co_await all[i].stream.write_all("more");
            expected[i] += "more";
            const std::string got = co_await all[i].peer.receive(expected[i].size());
            REQUIRE(got == expected[i]);
          }
        }
        REQUIRE(leaks.check() == "");
      },
      {.engine = {.queue_entries = queue_entries}, .batch_sends_from = 0});
}

TEST_CASE("closing while a batched send is in flight lets it end first", "[tcp][real_fd]") {
  run_net(
      []() -> task<> {
        connection c = make_connection();
        std::string outcome;
        co_await with_nursery([&](nursery& n) -> task<> {
          n.start([&]() -> task<> {
            const auto written = co_await c.stream.write_all("the last words").result();
            outcome = written ? "written" : written.error().message();
          });
          co_await yield();
          co_await c.stream.close();
        });
        const std::string got = co_await c.peer.receive_all();
        REQUIRE(outcome == (got.empty() ? "write to " + c.stream.peer_address().to_string() + ": closed on this side"
                                        : std::string("written")));
        REQUIRE((got.empty() || got == "the last words"));
      },
      {.batch_sends_from = 0});
}

}  // namespace
