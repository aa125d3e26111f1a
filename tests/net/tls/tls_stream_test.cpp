// SPDX-License-Identifier: MIT
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <wring/core/offload.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/tcp_listener.hpp>
#include <wring/net/testing/stream_conformance.hpp>
#include <wring/net/unix_stream.hpp>

#include "net/tls/tls_support.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

std::string_view text_of(const buffer_lease& lease) {
  return {reinterpret_cast<const char*>(lease.data()), lease.size()};
}

TEST_CASE("TLS streams keep the rules of streams, over memory", "[tls][conformance]") {
  testing::run([]() -> task<> { co_await testing::check_stream([] { return secured_memory(); }); });
}

TEST_CASE("they keep them over memory that delivers odd pieces", "[tls][conformance]") {
  testing::run([]() -> task<> {
    co_await testing::check_stream(
        [] { return secured_memory({.capacity = 20'000, .read_chunk = 700, .chunk_seed = 7}); });
  });
}

TEST_CASE("they keep them over TCP", "[tls][conformance]") {
  testing::run([]() -> task<> {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    const auto connected = [&]() -> task<tls_pair> {
      net::tcp_stream near = co_await net::connect_tcp(listener.local_address());
      net::tcp_stream far = co_await listener.accept();
      for (net::tcp_stream* each : {&near, &far}) {  // the kernel's own are megabytes, which take their time to fill
        each->set_send_buffer(32 * 1024);
        each->set_receive_buffer(32 * 1024);
      }
      co_return co_await secured(test_client(), test_server(), net::any_stream(std::move(near)),
                                 net::any_stream(std::move(far)));
    };
    co_await testing::check_stream(std::ref(connected));
  });
}

TEST_CASE("they keep them over Unix sockets", "[tls][conformance][real_fd]") {
  testing::run([]() -> task<> {
    const auto connected = []() -> task<tls_pair> {
      auto [near, far] = net::socket_pair();
      co_return co_await secured(test_client(), test_server(), net::any_stream(std::move(near)),
                                 net::any_stream(std::move(far)));
    };
    co_await testing::check_stream(std::ref(connected), {.reports_abort = false});
  });
}

TASK_TEST("records may be split at every byte", "[tls]") {
  auto ends = co_await secured_memory({.read_chunk = 1});
  co_await ends.first.write_all("one byte at a time");
  std::string got;
  while (got.size() != 18) {
    const auto chunk = co_await ends.second.read_some();
    got += text_of(chunk);
  }
  CHECK(got == "one byte at a time");
  co_await ends.first.close();
  const auto end = co_await ends.second.read_some();
  CHECK(end.empty());
}

TASK_TEST("a stream tells how it is secured", "[tls]") {
  auto ends = co_await secured_memory();
  const net::stream_security& client = *net::stream_ref(ends.first).security();
  CHECK(client.protocol == "TLSv1.3");
  CHECK(client.cipher.starts_with("TLS_"));
  CHECK(client.peer_verified);
  CHECK(client.peer_subject == "CN=server");
  CHECK_FALSE(client.peer_certificate.empty());
  const net::stream_security& server = *net::stream_ref(ends.second).security();
  CHECK(server.server_name == "server.example");
  CHECK_FALSE(server.peer_verified);
  CHECK(server.peer_subject.empty());
}

TASK_TEST("an end without close_notify is a truncation", "[tls]") {
  auto [near, far] = net::make_memory_stream_pair();
  net::memory_stream below = std::move(near);
  auto client = [&]() -> task<> {
    net::tls_stream over = co_await tls::connect(test_client(), net::stream_ref(below), "server.example");
    co_await over.write_all("all but the end");
    co_await below.shut_down_write();
    const auto bytes = co_await over.read_some();
    CHECK(text_of(bytes) == "well");
    over.abort();
  };
  auto server = [&]() -> task<> {
    net::tls_stream over = co_await tls::accept(test_server(), net::any_stream(std::move(far)));
    std::string got;
    for (;;) {
      const auto chunk = co_await over.read_some().result();
      if (!chunk) {
        CHECK(chunk.error() == errc::tls_truncated);
        break;
      }
      REQUIRE_FALSE(chunk->empty());
      got += text_of(*chunk);
    }
    CHECK(got == "all but the end");
    const auto again = co_await over.read_some().result();
    REQUIRE_FALSE(again);
    CHECK(again.error() == errc::tls_truncated);
    co_await over.write_all("well");
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(client));
    n.start(std::ref(server));
    co_return;
  });
}

enum class ending { returns, throws, cancelled };

TASK_TEST("a handler that returns ends its stream properly, one that fails or is cancelled does not", "[tls]") {
  for (const ending way : {ending::returns, ending::throws, ending::cancelled}) {
    auto ends = co_await secured_memory();
    auto handle = [](net::tls_stream peer, ending how) -> task<> {
      co_await peer.write_all("answer");
      if (how == ending::throws) throw std::runtime_error("no");
      if (how == ending::cancelled) co_await sleep_for(wring::forever);
    };
    bool failed = false;
    try {
      auto run = [&] { return handle(std::move(ends.second), way); };
      static_cast<void>(co_await move_on_after(1s, run));
    } catch (const std::runtime_error&) {
      failed = true;
    }
    CHECK(failed == (way == ending::throws));
    const auto bytes = co_await ends.first.read_some();
    CHECK(text_of(bytes) == "answer");
    const auto end = co_await ends.first.read_some().result();
    if (way == ending::returns) {
      REQUIRE(end);
      CHECK(end->empty());
    } else {
      REQUIRE_FALSE(end);
      CHECK(end.error() == errc::tls_truncated);
    }
  }
}

/// Remembers what it was told last.
class last_told final : public net::stream_observer {
 public:
  void arrived() noexcept override { ++arrivals; }
  void ended(const error* e) noexcept override {
    is_over = true;
    if (e != nullptr) fault = *e;
  }
  unsigned arrivals = 0;
  bool is_over = false;
  std::optional<error> fault;
};

/// Reads all that it is told of. Being told within a read would bring what is read into disorder.
class reading final : public net::stream_observer {
 public:
  explicit reading(net::stream_ref s) noexcept : stream_(s) {}
  void arrived() noexcept override {
    nested |= std::exchange(busy_, true);
    for (;;) {
      const buffer_lease some = stream_.try_read_some();
      if (some.empty()) break;
      got += text_of(some);
    }
    busy_ = false;
  }
  void ended(const error*) noexcept override { is_over = true; }
  std::string got;
  bool nested = false;
  bool is_over = false;

 private:
  net::stream_ref stream_;
  bool busy_ = false;
};

TASK_TEST("an observer that reads gets everything in order, however it comes", "[tls][watch]") {
  std::string all;
  for (int i = 0; i != 3000; ++i) all += std::to_string(i) += ' ';
  for (const net::memory_stream_options how :
       {net::memory_stream_options{}, net::memory_stream_options{.capacity = 500},
        net::memory_stream_options{.capacity = 500, .read_chunk = 70, .chunk_seed = 3},
        net::memory_stream_options{.delay = 1ms}}) {
    for (const bool over_tls : {false, true}) {
      auto [near, far] = net::make_memory_stream_pair(how);
      tls_pair ends;
      if (over_tls) {
        ends = co_await secured(test_client(), test_server(), net::any_stream(std::move(near)),
                                net::any_stream(std::move(far)));
      }
      const net::stream_ref from = over_tls ? net::stream_ref(ends.first) : net::stream_ref(near);
      net::stream_ref to = over_tls ? net::stream_ref(ends.second) : net::stream_ref(far);
      reading reader(to);
      CHECK(to.watch(&reader));
      for (std::string_view left(all); !left.empty();) {
        const std::string_view piece = left.substr(0, 700);
        left.remove_prefix(piece.size());
        co_await from.write_all(piece);
      }
      co_await from.shut_down_write();
      co_await sleep_for(5ms);
      CHECK((reader.got == all));
      CHECK_FALSE(reader.nested);
      CHECK(reader.is_over);
      to.watch(nullptr);
    }
  }
}

TASK_TEST("an observer is told of bytes and ends, not of records", "[tls][watch]") {
  for (const bool properly : {true, false}) {
    auto [near, far] = net::make_memory_stream_pair();
    net::memory_stream below = std::move(near);
    last_told seen;
    net::tls_stream client;
    net::tls_stream server;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(
          [&]() -> task<> { client = co_await tls::connect(test_client(), net::stream_ref(below), "server.example"); });
      server = co_await tls::accept(test_server(), net::any_stream(std::move(far)));
    });
    CHECK(server.watch(&seen));
    co_await yield();
    CHECK(seen.arrivals == 0);
    co_await client.write_all("some");
    co_await client.write_all("bytes");
    CHECK(seen.arrivals == 2);
    CHECK(server.received_ahead() == 9);
    if (properly) {
      co_await client.shut_down_write();
    } else {
      co_await below.shut_down_write();
    }
    CHECK(seen.is_over);
    CHECK(seen.fault.has_value() != properly);
    if (seen.fault) CHECK(*seen.fault == errc::tls_truncated);
    const buffer_lease first = server.try_read_some();
    CHECK(text_of(first) == "some");
    const buffer_lease second = co_await server.read_some();
    CHECK(text_of(second) == "bytes");
    server.watch(nullptr);
    client.abort();
  }
}

TASK_TEST("TLS ends, and the stream below goes on without it", "[tls][starttls]") {
  auto ends = co_await secured_memory();
  net::any_stream server_below;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const buffer_lease end = co_await ends.second.read_some();
      CHECK(end.empty());
      auto below = co_await ends.second.unwrap();
      CHECK(below.received.empty());
      server_below = std::move(below.stream);
      co_await server_below.write_all("in plain");  // right behind the message that ends TLS
    });
    auto below = co_await ends.first.unwrap();
    std::string got(text_of(below.received));
    while (got.size() != 8) {
      const buffer_lease more = co_await below.stream.read_some();
      REQUIRE_FALSE(more.empty());
      got += text_of(more);
    }
    CHECK(got == "in plain");
    CHECK(below.stream.target<net::memory_stream>() != nullptr);
    const auto closed = co_await ends.first.read_some().result();
    CHECK_FALSE(closed);
    ends.first.abort();  // which is none of the stream's any more
    co_await below.stream.write_all("and back");
    const buffer_lease back = co_await server_below.read_some();
    CHECK(text_of(back) == "and back");
  });
}

TASK_TEST("TLS does not end before what was sent in it is read", "[tls][starttls]") {
  auto ends = co_await secured_memory();
  co_await ends.second.write_all("not yet");
  auto unwrap = [&] { return ends.first.unwrap(); };
  const auto below = co_await unwrap().result();
  REQUIRE_FALSE(below);
  CHECK(below.error() == errc::tls_failed);
  const buffer_lease bytes = co_await ends.first.read_some();
  CHECK(text_of(bytes) == "not yet");
}

TASK_TEST("close gives up when its message does not go out", "[tls]") {
  auto ends = co_await secured_memory({.capacity = 4096});
  // Fills what is below, so that the message finds no room.
  std::array<std::byte, 1000> block{};
  const std::array<std::span<const std::byte>, 1> parts{std::span<const std::byte>(block)};
  while (ends.first.try_write(parts) != 0) continue;
  const std::int64_t before = scheduler::current().clock_now();
  co_await ends.first.close();
  CHECK(scheduler::current().clock_now() - before == 2'000'000'000);
  for (;;) {
    const auto chunk = co_await ends.second.read_some().result();
    if (!chunk) break;
    REQUIRE_FALSE(chunk->empty());
  }
}

TASK_TEST("bytes that were tampered with end the stream", "[tls]") {
  auto [near, middle_near] = net::make_memory_stream_pair();
  auto [middle_far, far] = net::make_memory_stream_pair();
  bool tamper = false;
  auto forward = [&](net::memory_stream& from, net::memory_stream& to, bool& change) -> task<> {
    for (;;) {
      auto chunk = co_await from.read_some().result();
      if (!chunk || chunk->empty()) co_return;
      if (change) chunk->data()[chunk->size() - 1] ^= std::byte{1};
      const auto sent = co_await to.write_all(std::span<const std::byte>(*chunk)).result();
      if (!sent) co_return;
    }
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    bool never = false;
    n.start(forward, std::ref(middle_near), std::ref(middle_far), std::ref(tamper));
    n.start(forward, std::ref(middle_far), std::ref(middle_near), std::ref(never));
    auto ends = co_await secured(test_client(), test_server(), net::any_stream(std::move(near)),
                                 net::any_stream(std::move(far)));
    tamper = true;
    co_await ends.first.write_all("hello");
    const auto bytes = co_await ends.second.read_some().result();
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error() == errc::tls_failed);
    const auto written = co_await ends.second.write_all("late").result();
    REQUIRE_FALSE(written);
    CHECK(written.error() == errc::tls_failed);
    co_await ends.second.close();
    const auto alert = co_await ends.first.read_some().result();
    REQUIRE_FALSE(alert);
    CHECK(alert.error() == errc::tls_failed);
    CHECK(alert.error().count() == 20U);  // bad_record_mac
    n.cancel();
  });
}

/// A question and its answer, and the end of both.
task<> converse(net::any_stream near, net::any_stream far) {
  auto ends = co_await secured(test_client(), test_server(), std::move(near), std::move(far));
  auto serve = [&]() -> task<> {
    while (const buffer_lease chunk = co_await ends.second.read_some()) {
      co_await ends.second.write_all(std::span<const std::byte>(chunk));
    }
    co_await ends.second.close();
  };
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(serve));
    co_await ends.first.write_all("question");
    std::array<std::byte, 8> answer{};
    for (std::size_t got = 0; got < answer.size();) got += co_await ends.first.read(std::span(answer).subspan(got));
    co_await ends.first.shut_down_write();
    const auto end = co_await ends.first.read_some();
    if (!end.empty()) throw std::logic_error("there was more than the answer");
    co_await ends.first.close();
  });
}

TEST_CASE("it can be cancelled wherever it waits", "[tls][cancel]") {
  const std::size_t points = testing::cancel_everywhere([]() -> task<> {
    auto [near, far] = net::make_memory_stream_pair({.capacity = 500, .read_chunk = 400});
    co_await converse(net::any_stream(std::move(near)), net::any_stream(std::move(far)));
  });
  CHECK(points > 5);
}

TEST_CASE("the stream below may fail at any of its operations", "[tls]") {
  const bool reading = GENERATE(true, false);
  const bool at_client = GENERATE(true, false);
  unsigned nth = 1;
  for (bool failed = true; failed; ++nth) {
    REQUIRE(nth < 100);
    failed = false;
    testing::run([&]() -> task<> {
      auto [near, far] = net::make_memory_stream_pair({.capacity = 500, .read_chunk = 400});
      net::memory_stream& broken = at_client ? near : far;
      if (reading) {
        broken.fail_read(nth, ECONNRESET);
      } else {
        broken.fail_write(nth, ECONNRESET);
      }
      auto talk = [&] { return converse(net::any_stream(std::move(near)), net::any_stream(std::move(far))); };
      const auto over = co_await with_timeout(5s, talk).result();
      failed = !over;
      if (failed && over.error() == errc::timed_out) throw std::logic_error("it waits for ever");
    });
  }
  CHECK(nth > 3);
}

TASK_TEST("an idle stream holds no memory of the scheduler's", "[tls]") {
  auto ends = co_await secured_memory();
  std::string large(200'000, 'x');
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await ends.first.write_all(large); });
    for (std::size_t got = 0; got != large.size();) {
      const auto chunk = co_await ends.second.read_some();
      got += chunk.size();
    }
  });
  CHECK(scheduler::current().blocks().stats().leased == 0);
}

}  // namespace
