// SPDX-License-Identifier: MIT
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/leak_check.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/core/timeout.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/socket_address.hpp>
#include <wring/net/stream.hpp>
#include <wring/net/tcp_stream.hpp>

#include "support/framed_stream.hpp"

using namespace wring;
using net::any_stream;
using net::stream_ref;

namespace {

static_assert(net::stream<net::stream_ref> && net::stream<net::any_stream>);

static_assert(net::stream<net::tcp_stream>);
static_assert(net::stream<net::memory_stream>);
static_assert(net::stream<tests::framed_stream>);
static_assert(!net::stream<std::string>);
static_assert(!std::is_copy_constructible_v<any_stream> && std::is_nothrow_move_constructible_v<any_stream>);
static_assert(std::is_trivially_copyable_v<stream_ref> && sizeof(stream_ref) == 2 * sizeof(void*));

// The operations of TCP streams need no memory but the awaiting frame's.
static_assert(sizeof(net::detail::socket_read_some_wait) <= net::detail::erased_operation_room<buffer_lease>);
static_assert(sizeof(net::detail::socket_read_wait) <= net::detail::erased_operation_room<std::size_t>);
static_assert(sizeof(net::detail::socket_write_wait) <= net::detail::erased_operation_room<void>);

/// Says that it is secured.
class secured_stream : public net::memory_stream {
 public:
  explicit secured_stream(net::memory_stream inner) : net::memory_stream(std::move(inner)) {
    security_.protocol = "TLSv1.3";
  }
  [[nodiscard]] const net::stream_security* security() const noexcept { return &security_; }

 private:
  net::stream_security security_;
};

class ignoring final : public net::stream_observer {
 public:
  void arrived() noexcept override {}
  void ended(const error*) noexcept override {}
};

class teapot_error : public io_error {
 public:
  using io_error::io_error;
};

/// A stream of tasks, and one that cannot be moved. It reads itself: `bytes` times the same, then what `fault` says.
struct sample_stream {
  explicit sample_stream(unsigned bytes) : left(bytes) {}
  sample_stream(const sample_stream&) = delete;
  sample_stream& operator=(const sample_stream&) = delete;

  enum class fault { none, teapot, logic };

  task<buffer_lease> read_some() {
    if (left == 0) give_up();
    if (left == 0) co_return buffer_lease();
    --left;
    if (slow) co_await yield();
    buffer_lease lease = buffer_lease::allocate(1);
    *lease.data() = std::byte{'x'};
    co_return lease;
  }
  task<std::size_t> read(std::span<std::byte> into) {
    const buffer_lease one = co_await read_some();
    if (one && !into.empty()) into[0] = *one.data();
    co_return one.size();
  }
  task<> write_all(std::span<const std::byte> data) {
    written.append(reinterpret_cast<const char*>(data.data()), data.size());
    co_return;
  }
  task<> write_all(std::span<const std::span<const std::byte>> parts) {
    for (const auto part : parts) co_await write_all(part);
  }
  task<> shut_down_write() { co_await write_all(std::as_bytes(std::span<const char>("|", 1))); }
  task<> close() {
    closed = true;
    co_return;
  }
  void abort() noexcept { aborted = true; }
  [[nodiscard]] net::socket_address peer_address() const { return net::socket_address("192.0.2.7:7"); }

  void give_up() const {
    if (then == fault::teapot) throw teapot_error(error::from_errno(EPROTO, "brew"));
    if (then == fault::logic) throw std::logic_error("no more");
  }

  unsigned left;
  bool slow = false;
  bool closed = false;
  bool aborted = false;
  fault then = fault::none;
  std::string written;
};
static_assert(net::stream<sample_stream>);

any_stream make_sample(unsigned bytes) { return any_stream(std::in_place_type<sample_stream>, bytes); }

/// Compiled once for all streams, as protocols are.
task<std::string> read_to_end(stream_ref from) {
  std::string text;
  while (const auto chunk = co_await from.read_some()) {
    text.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  co_return text;
}

}  // namespace

TEST_CASE("a stream of any type can be used through a reference", "[stream]") {
  testing::run([]() -> task<> {
    sample_stream s(3);
    const stream_ref ref(s);
    const std::string text = co_await read_to_end(ref);
    CHECK(text == "xxx");
    co_await ref.write_all("one, ");
    const std::array parts{std::as_bytes(std::span<const char>("two", 3)),
                           std::as_bytes(std::span<const char>("!", 1))};
    co_await ref.write_all(std::span<const std::span<const std::byte>>(parts));
    co_await ref.shut_down_write();
    CHECK(s.written == "one, two!|");
    co_await ref.close();
    CHECK(s.closed);
    ref.abort();
    CHECK(s.aborted);
    s.left = 1;
    std::array<std::byte, 4> bytes{};
    const std::size_t got = co_await ref.read(bytes);
    CHECK(got == 1);
    CHECK(bytes[0] == std::byte{'x'});
  });
}

TEST_CASE("an any_stream owns its stream and can be moved under a reference to it", "[stream]") {
  const testing::leak_check leaks;
  testing::run([]() -> task<> {
    any_stream first = make_sample(2);
    const stream_ref ref(first);
    any_stream second(std::move(first));
    CHECK(second);
    CHECK_FALSE(first);
    const std::string text = co_await read_to_end(ref);
    CHECK(text == "xx");
    auto [a, b] = net::make_memory_stream_pair();
    any_stream moved_in(std::move(a));
    co_await moved_in.write_all("hello");
    second = std::move(moved_in);
    co_await second.close();
    const std::string received = co_await read_to_end(b);
    CHECK(received == "hello");
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("an any_stream without a stream behaves as a closed one", "[stream]") {
  testing::run([]() -> task<> {
    any_stream none;
    CHECK_FALSE(none);
    std::array<std::byte, 1> byte;
    const auto read = co_await none.read(byte).result();
    CHECK(read.error() == errc::closed);
    const auto leased = co_await none.read_some().result();
    CHECK(leased.error() == errc::closed);
    const auto written = co_await none.write_all("x").result();
    CHECK(written.error() == errc::closed);
    const auto gathered = co_await none.write_all(std::span<const std::span<const std::byte>>()).result();
    CHECK(gathered.error() == errc::closed);
    const auto shut = co_await none.shut_down_write().result();
    CHECK(shut.error() == errc::closed);
    co_await none.close();
    none.abort();
    CHECK(none.peer_address().empty());
    CHECK(none.security() == nullptr);
    CHECK(none.try_write({}) == 0);
    CHECK(none.try_read_some().empty());
    CHECK(none.received_ahead() == 0);
    CHECK_FALSE(none.watch(nullptr));
    CHECK(none.target<sample_stream>() == nullptr);
  });
}

TEST_CASE("the type of a stream can be asked for", "[stream]") {
  any_stream s = make_sample(0);
  REQUIRE(s.target<sample_stream>() != nullptr);
  CHECK(s.target<sample_stream>()->left == 0);
  CHECK(s.target<net::memory_stream>() == nullptr);
  CHECK(stream_ref(s).target<sample_stream>() == s.target<sample_stream>());
  CHECK(s.peer_address().to_string() == "192.0.2.7:7");
  auto [a, b] = net::make_memory_stream_pair();
  CHECK(stream_ref(a).peer_address().empty());
}

TEST_CASE("what a stream has besides is there through a reference, and what it has not is said", "[stream]") {
  testing::run([]() -> task<> {
    const std::string text = "at once";
    const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span(text))};
    auto [a, b] = net::make_memory_stream_pair();
    any_stream secured(std::in_place_type<secured_stream>, std::move(a));
    REQUIRE(secured.security() != nullptr);
    CHECK(secured.security()->protocol == "TLSv1.3");
    CHECK(secured.security() == stream_ref(secured).security());
    CHECK(secured.try_write(parts) == text.size());
    ignoring nobody;
    CHECK(secured.watch(&nobody));
    CHECK(secured.watch(nullptr));
    CHECK(b.unread() == text.size());
    CHECK(stream_ref(b).received_ahead() == text.size());
    const buffer_lease at_once = stream_ref(b).try_read_some();
    CHECK(at_once.size() == text.size());
    CHECK(stream_ref(b).security() == nullptr);

    any_stream plain(std::in_place_type<tests::framed_stream>, std::move(b));
    CHECK(plain.security() == nullptr);
    CHECK(plain.try_write(parts) == 0);
    CHECK(plain.try_read_some().empty());
    CHECK(plain.received_ahead() == 0);
    CHECK_FALSE(plain.watch(&nobody));
    co_return;
  });
}

TEST_CASE("exceptions of a stream's tasks come through as they are", "[stream]") {
  testing::run([]() -> task<> {
    sample_stream s(0);
    const stream_ref ref(s);
    s.then = sample_stream::fault::teapot;
    bool caught = false;
    try {
      static_cast<void>(co_await ref.read_some());
    } catch (const teapot_error& e) {
      caught = e.code() == std::errc::protocol_error;
    }
    CHECK(caught);
    const auto failed = co_await ref.read_some().result();
    CHECK(failed.error() == std::errc::protocol_error);
    s.then = sample_stream::fault::logic;
    bool logic = false;
    try {
      static_cast<void>(co_await ref.read_some().result());
    } catch (const std::logic_error&) {
      logic = true;
    }
    CHECK(logic);
  });
}

TEST_CASE("faults of a stream's leaves are thrown or given as values", "[stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    const stream_ref ref(a);
    a.fail_read(1, EIO);
    bool caught = false;
    try {
      static_cast<void>(co_await ref.read_some());
    } catch (const io_error& e) {
      caught = e.code() == std::errc::io_error;
    }
    CHECK(caught);
    a.fail_write(1, ENOBUFS);
    const auto failed = co_await ref.write_all("x").result();
    CHECK(failed.error() == std::errc::no_buffer_space);
    const auto late = co_await with_timeout(std::chrono::milliseconds(1), ref.read_some()).result();
    CHECK(late.error() == errc::timed_out);
  });
}

TEST_CASE("an operation through a reference is cancelled as the stream's own is", "[stream]") {
  const testing::leak_check leaks;
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair({.capacity = 4});
    sample_stream slow(100);
    slow.slow = true;
    std::array<cancel_scope, 3> scopes;
    std::optional<std::optional<buffer_lease>> leaf;
    std::optional<std::optional<buffer_lease>> nested;
    std::optional<bool> written;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { leaf.emplace(co_await scopes[0].run(stream_ref(b).read_some())); });
      n.start([&]() -> task<> { nested.emplace(co_await scopes[1].run(stream_ref(slow).read_some())); });
      n.start([&]() -> task<> { written = co_await scopes[2].run(stream_ref(b).write_all("too much")); });
      n.start([&]() -> task<> {
        for (cancel_scope& scope : scopes) scope.cancel();
        co_return;
      });
      co_return;
    });
    REQUIRE(leaf);
    CHECK_FALSE(*leaf);
    REQUIRE(written);
    CHECK_FALSE(*written);
    REQUIRE(nested);
    CHECK(*nested);
    CHECK(slow.left == 99);
    const auto torn = co_await b.write_all("x").result();
    CHECK(torn.error() == errc::write_torn);
    CHECK(torn.error().count() == 4);
  });
  CHECK(leaks.check().empty());
}

TEST_CASE("operations through a reference allocate nothing once the frames are recycled", "[stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    const stream_ref near(a);
    const stream_ref far(b);
    std::array<std::byte, 16> bytes{};
    std::uint64_t before = 0;
    for (unsigned round = 0; round != 100; ++round) {
      if (round == 10) before = detail::frame_recycler::stats().misses;
      co_await near.write_all(bytes);
      const std::size_t got = co_await far.read(bytes);
      REQUIRE(got == bytes.size());
      co_await with_nursery([&](nursery& n) -> task<> {
        n.start([&]() -> task<> { static_cast<void>(co_await far.read_some()); });
        co_await yield();
        co_await near.write_all("woken");
      });
    }
    CHECK((detail::frame_recycler::stats().misses == before || WRING_ADDRESS_SANITIZER || WRING_THREAD_SANITIZER));
  });
}

TEST_CASE("operations through a reference that end at once yield to other tasks in time", "[stream]") {
  testing::run([]() -> task<> {
    auto [a, b] = net::make_memory_stream_pair();
    const stream_ref near(a);
    const stream_ref far(b);
    bool others_ran = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        others_ran = true;
        co_return;
      });
      std::array<std::byte, 1> byte{};
      for (unsigned i = 0; i != 1000 && !others_ran; ++i) {
        co_await near.write_all(byte);
        static_cast<void>(co_await far.read(byte));
      }
      CHECK(others_ran);
    });
  });
}

TEST_CASE("a stream over another one can be cancelled wherever it waits", "[stream]") {
  const auto points = testing::cancel_everywhere([]() -> task<> {
    auto pair = net::make_memory_stream_pair({.capacity = 10, .delay = std::chrono::milliseconds(1)});
    any_stream near(std::in_place_type<tests::framed_stream>, std::move(pair.first));
    any_stream far(std::in_place_type<tests::framed_stream>, std::move(pair.second));
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> {
        while (const auto chunk = co_await far.read_some()) co_await far.write_all(std::span<const std::byte>(chunk));
        co_await far.close();
      });
      n.start([&]() -> task<> {
        for (int i = 0; i != 3; ++i) co_await near.write_all("some words that come back");
        co_await near.shut_down_write();
      });
      const std::string echoed = co_await read_to_end(near);
      CHECK(echoed.size() == 75);
    });
    co_await near.close();
  });
  CHECK(points > 10);
}

TEST_CASE("bytes that a stream leases from memory of its own are given back once", "[stream]") {
  struct owner {
    int returned = 0;
    std::uint32_t tag = 0;
  } counted;
  const auto release = [](void* o, std::uint32_t tag) noexcept {
    ++static_cast<owner*>(o)->returned;
    static_cast<owner*>(o)->tag = tag;
  };
  std::array<std::byte, 8> memory{};
  buffer_lease lease(memory.data(), memory.size(), release, &counted, 42);
  buffer_lease moved(std::move(lease));
  CHECK(moved.size() == 8);
  CHECK_FALSE(lease);
  moved.consume(3);
  moved.truncate(2);
  CHECK(moved.data() == memory.data() + 3);
  CHECK(moved.size() == 2);
  CHECK(counted.returned == 0);
  moved.consume(2);
  CHECK(counted.returned == 1);
  CHECK(counted.tag == 42);
  moved = buffer_lease::copy_of(memory);
  CHECK(std::memcmp(moved.data(), memory.data(), 8) == 0);
  {
    const buffer_lease empty(memory.data(), 0, release, &counted);
  }
  CHECK(counted.returned == 2);
}
