// SPDX-License-Identifier: MIT
// The life of a connection: what is called, in which order, and why it ends. connection_lost is called exactly once,
// whatever is done and in which order.
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/memory_stream.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"
#include "support/waits.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;
using action = recorder::action;

/// Runs `p` at one end of a connection, and `peer(stream)` at the other, until both have ended.
template <class P, class Peer>
task<> converse(std::shared_ptr<P> p, Peer peer) {
  auto [a, b] = net::make_memory_stream_pair();
  auto protocol_side = [&]() -> task<> { co_await net::run_protocol(a, p); };
  auto peer_side = [&]() -> task<> { co_await peer(b); };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(protocol_side));
    n.start(std::ref(peer_side));
    co_return;
  });
}

task<std::string> rest_of(net::memory_stream& s) {
  std::string all;
  for (;;) {
    auto chunk = co_await s.read_some().result();
    if (!chunk) co_return all + "!";
    if (chunk->empty()) co_return all;
    all.append(reinterpret_cast<const char*>(chunk->data()), chunk->size());
  }
}

TASK_TEST("a protocol is told of the connection, its bytes, and the peer's end", "[protocol]") {
  auto p = std::make_shared<recorder>();
  p->when_received = [](recorder& r) { r.transport().write("answer"); };
  std::string answer;
  co_await converse(p, [&](net::memory_stream& peer) -> task<> {
    co_await peer.write_all("question");
    std::array<std::byte, 6> into;
    co_await peer.read(into);
    answer.assign(reinterpret_cast<const char*>(into.data()), into.size());
    co_await peer.shut_down_write();
  });
  CHECK(answer == "answer");
  CHECK(p->said == "made [question] lost:done");
  CHECK(!p->connected());
  p->transport().write("dropped without a word");
  p->transport().lose_connection();
  p->transport().abort_connection();
  CHECK(p->transport().unsent() == 0);
  CHECK(p->losses == 1);
  CHECK_THROWS_AS(p->nursery(), std::logic_error);
}

TASK_TEST("what was written before lose_connection, and after it, is sent before the end", "[protocol]") {
  auto p = std::make_shared<recorder>();
  const std::string much(200'000, 'x');
  p->when_made = [&](recorder& r) {
    r.transport().write(much);
    r.transport().lose_connection();
    CHECK(r.transport().disconnecting());
    r.transport().write_sequence({"and ", "more"});
  };
  std::string received;
  co_await converse(p, [&](net::memory_stream& peer) -> task<> { received = co_await rest_of(peer); });
  CHECK(received == much + "and more");
  CHECK(p->said == "made lost:done");
}

TASK_TEST("the peer's end, found when reading had already stopped, loses nothing", "[protocol]") {
  auto p = std::make_shared<recorder>();
  const std::string much(200'000, 'x');
  std::string received;
  co_await converse(p, [&](net::memory_stream& peer) -> task<> {
    co_await settle();
    co_await peer.shut_down_write();  // the protocol's read has ended with it, and has not been resumed yet
    p->transport().write(much);
    p->transport().lose_connection();
    received = co_await rest_of(peer);
  });
  CHECK(received == much);
  CHECK(p->said == "made lost:done");
}

struct step {
  const char* name;
  action act;
  const char* alone;  ///< the reason, if this is all that happens; null: it ends nothing
};

const std::array<step, 5>& steps() {
  static const std::array<step, 5> all = {
      step{"lose", [](recorder& r) { r.transport().lose_connection(); }, "done"},
      step{"abort", [](recorder& r) { r.transport().abort_connection(); }, "aborted"},
      step{"half", [](recorder& r) { r.transport().lose_write_connection(); }, nullptr},
      step{"cancel", [](recorder& r) { r.nursery().cancel(); }, "aborted"},
      step{"throw", [](recorder&) { throw std::runtime_error("thrown"); }, "thrown"},
  };
  return all;
}

/// The reason after two steps of one callback. Only a lose_connection() that has yet to take effect is overtaken.
std::string reason_after(std::size_t first, std::size_t second) {
  const auto is = [](std::size_t i, std::string_view name) { return steps()[i].name == name; };
  if (is(first, "throw")) return "thrown";
  if (is(first, "abort")) return "aborted";
  if (is(first, "cancel")) return is(second, "throw") ? "thrown" : "aborted";
  if (is(first, "lose") && is(second, "half")) return "done";
  return steps()[second].alone == nullptr ? "" : steps()[second].alone;
}

TASK_TEST("whatever a callback does, the connection is lost once, for the right reason", "[protocol]") {
  const captured_log log;
  for (std::size_t first = 0; first != steps().size(); ++first) {
    for (std::size_t second = 0; second != steps().size(); ++second) {
      for (const bool at_once : {true, false}) {
        INFO(steps()[first].name << ", " << steps()[second].name << (at_once ? " when made" : " when received"));
        auto p = std::make_shared<recorder>();
        const action both = [&](recorder& r) {
          steps()[first].act(r);
          steps()[second].act(r);
        };
        (at_once ? p->when_made : p->when_received) = both;
        std::string received;
        co_await converse(p, [&](net::memory_stream& peer) -> task<> {
          static_cast<void>(co_await peer.write_all("x").result());
          if (reason_after(first, second).empty()) static_cast<void>(co_await peer.shut_down_write().result());
          received = co_await rest_of(peer);
        });
        CHECK(p->losses == 1);
        const std::string why = reason_after(first, second);
        CHECK(p->said.ends_with("lost:" + (why.empty() ? "done" : why)));
        CHECK(received.ends_with('!') == (why == "aborted"));
      }
    }
  }
}

TASK_TEST("whatever the peer does at the same time, the connection is lost once", "[protocol]") {
  const captured_log log;
  using peer_step = task<> (*)(net::memory_stream&);
  const std::array<std::pair<peer_step, const char*>, 3> peer_steps = {{
      {[](net::memory_stream& s) -> task<> { static_cast<void>(co_await s.shut_down_write().result()); }, "done"},
      {[](net::memory_stream& s) -> task<> { co_await s.close(); }, "done"},
      {[](net::memory_stream& s) -> task<> {
         s.abort();
         co_return;
       },
       "lost"},
  }};
  for (const auto& [peer_act, alone] : peer_steps) {
    for (std::size_t i = 0; i != steps().size() + 1; ++i) {
      for (int later = 0; later != 4; ++later) {
        auto p = std::make_shared<recorder>();
        if (i != steps().size()) p->when_received = steps()[i].act;
        co_await converse(p, [&](net::memory_stream& peer) -> task<> {
          static_cast<void>(co_await peer.write_all("x").result());
          for (int turns = 0; turns != later; ++turns) co_await yield();
          co_await peer_act(peer);
        });
        INFO(i << " " << alone << " after " << later << ": " << p->said);
        CHECK(p->losses == 1);
        const std::string why = p->said.substr(p->said.find("lost:") + 5);
        const char* const own = i == steps().size() ? nullptr : steps()[i].alone;
        CHECK((why == alone || why == "lost" || (own != nullptr && why == own)));
      }
    }
  }
}

TASK_TEST("a half-closeable protocol goes on until both directions have ended", "[protocol]") {
  auto p = std::make_shared<half_recorder>();
  p->when_read_lost = [](recorder& r) {
    r.transport().write("late answer");
    r.transport().lose_write_connection();
  };
  std::string received;
  co_await converse(p, [&](net::memory_stream& peer) -> task<> {
    co_await peer.write_all("question");
    co_await peer.shut_down_write();
    received = co_await rest_of(peer);
  });
  CHECK(received == "late answer");
  CHECK(p->said == "made [question] read_lost write_lost lost:done");

  auto q = std::make_shared<half_recorder>();
  q->when_made = [](recorder& r) {
    r.transport().write("all");
    r.transport().lose_write_connection();
  };
  q->when_received = [](recorder& r) { r.transport().write("dropped"); };
  co_await converse(q, [&](net::memory_stream& peer) -> task<> {
    received = co_await rest_of(peer);
    co_await peer.write_all("still read");
    co_await peer.shut_down_write();
  });
  CHECK(received == "all");
  CHECK(q->said == "made write_lost [still read] read_lost lost:done");
}

TASK_TEST("what read_connection_lost throws is the reason", "[protocol]") {
  const captured_log log;
  auto p = std::make_shared<half_recorder>();
  p->when_read_lost = [](recorder&) { throw std::runtime_error("no answer"); };
  co_await converse(p, [](net::memory_stream& peer) -> task<> { co_await peer.shut_down_write(); });
  CHECK(p->said == "made read_lost lost:no answer");
}

TASK_TEST("what connection_lost throws is logged, and nothing else", "[protocol]") {
  const captured_log log;
  auto p = std::make_shared<recorder>();
  p->when_lost = [](recorder&) { throw std::runtime_error("in the end"); };
  co_await converse(p, [](net::memory_stream& peer) -> task<> { co_await peer.close(); });
  CHECK(p->losses == 1);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines().front().find("in the end") != std::string::npos);
}

TASK_TEST("tasks of a connection are cancelled when it is lost, and their failure loses it", "[protocol]") {
  const captured_log log;
  auto p = std::make_shared<recorder>();
  bool ended = false;
  p->when_made = [&](recorder& r) {
    r.nursery().start([&]() -> task<> {
      struct note {
        bool& flag;
        ~note() { flag = true; }
      } const at_end{ended};
      co_await tests::forever();
    });
  };
  co_await converse(p, [](net::memory_stream& peer) -> task<> { co_await peer.close(); });
  CHECK(ended);
  CHECK(p->said == "made lost:done");

  auto q = std::make_shared<recorder>();
  q->when_made = [](recorder& r) {
    r.nursery().start([]() -> task<> {
      co_await sleep_for(1s);
      throw std::runtime_error("a task failed");
    });
  };
  co_await converse(q, [](net::memory_stream& peer) -> task<> { co_await rest_of(peer); });
  CHECK(q->said == "made lost:a task failed");
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines().front().starts_with("error a task of a connection failed"));
}

TASK_TEST("a deferred of the connection's nursery is cancelled with it", "[protocol]") {
  auto p = std::make_shared<recorder>();
  bool cancelled = false;
  p->when_made = [&](recorder& r) {
    start_deferred(r.nursery(), []() -> task<> { co_await tests::forever(); }).add_errback([&](const failure& f) {
      cancelled = f.check<cancelled_error>();
    });
  };
  co_await converse(p, [](net::memory_stream& peer) -> task<> { co_await peer.close(); });
  CHECK(cancelled);
}

TASK_TEST("cancelling what runs the connection aborts it", "[protocol]") {
  auto [a, b] = net::make_memory_stream_pair();
  auto p = std::make_shared<recorder>();
  co_await with_nursery([&](nursery& n) -> task<> {
    auto side = [&]() -> task<> { co_await net::run_protocol(a, p); };
    n.start(std::ref(side));
    co_await settle();
    n.cancel();
  });
  CHECK(p->said == "made lost:aborted");
  const std::string seen = co_await rest_of(b);
  CHECK(seen == "!");
}

TASK_TEST("reading can be paused, and what arrives meanwhile is kept", "[protocol]") {
  auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) { r.transport().pause_producing(); };
  co_await converse(p, [&](net::memory_stream& peer) -> task<> {
    co_await peer.write_all("later");
    co_await settle();
    CHECK(p->said == "made ");
    p->transport().resume_producing();
    co_await settle();
    CHECK(p->said == "made [later] ");
    p->transport().pause_producing();
    co_await peer.write_all("last");
    co_await settle();
    CHECK(p->said == "made [later] ");
    p->transport().resume_producing();
    co_await peer.close();
  });
  CHECK(p->said == "made [later] [last] lost:done");
}

TASK_TEST("a protocol that has a connection is not told of the end of another", "[protocol]") {
  const captured_log log;
  auto p = std::make_shared<recorder>();
  co_await converse(p, [&](net::memory_stream& peer) -> task<> {
    co_await settle();
    co_await converse(p, [](net::memory_stream& other) -> task<> { co_await rest_of(other); });
    CHECK(p->said == "made ");
    CHECK(p->connected());
    co_await peer.write_all("x");
    co_await settle();
    co_await peer.close();
  });
  CHECK(p->said == "made [x] lost:done");
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines().front().find("make a new one for each") != std::string::npos);
}

/// A stream that is never closed.
class unclosable {
 public:
  explicit unclosable(net::memory_stream& inner) : inner_(inner) {}
  auto read_some() { return inner_.read_some(); }
  auto read(std::span<std::byte> into) { return inner_.read(into); }
  auto write_all(std::span<const std::byte> data) { return inner_.write_all(data); }
  auto write_all(std::span<const std::span<const std::byte>> parts) { return inner_.write_all(parts); }
  auto shut_down_write() { return inner_.shut_down_write(); }
  task<> close() { co_await tests::forever(); }
  void abort() noexcept { inner_.abort(); }

 private:
  net::memory_stream& inner_;
};

TASK_TEST("a connection that was cancelled is lost even if its stream cannot be closed", "[protocol]") {
  const captured_log log;
  auto [a, b] = net::make_memory_stream_pair();
  unclosable stream(a);
  auto p = std::make_shared<recorder>();
  p->when_made = [](recorder& r) { r.transport().write("unsent"); };
  co_await with_nursery([&](nursery& n) -> task<> {
    auto side = [&]() -> task<> { co_await net::run_protocol(stream, p); };
    n.start(std::ref(side));
    co_await settle();
    n.cancel();
  });
  CHECK(p->said == "made lost:aborted");
  CHECK_THROWS_AS(p->nursery(), std::logic_error);
  REQUIRE(log.lines().size() == 1);  // of the clean-up that took too long
}

TEST_CASE("a connection with a protocol can be cancelled anywhere", "[protocol]") {
  CHECK(testing::cancel_everywhere([]() -> task<> {
          auto p = std::make_shared<recorder>();
          p->when_received = [](recorder& r) {
            r.transport().write(std::string(100'000, 'x'));
            r.transport().lose_connection();
          };
          p->when_lost = [](recorder& r) {
            CHECK(r.losses == 1);
            CHECK(r.said.starts_with("made "));
          };
          co_await converse(p, [](net::memory_stream& peer) -> task<> {
            co_await peer.write_all("x");
            co_await rest_of(peer);
          });
        }) > 5);
}

}  // namespace
