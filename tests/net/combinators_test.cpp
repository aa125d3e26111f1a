// SPDX-License-Identifier: MIT
// Random trees of combinators over streams, channels and listeners, cancelled at random: every byte, item and
// connection is given to a task exactly once, or is still where it came from, in order.
//
// WRING_TEST_ROUNDS=100000 runs that many trees instead of the usual number.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/cancel_scope.hpp>
#include <wring/core/detail/sanitizers.hpp>
#include <wring/core/shield.hpp>
#include <wring/core/sync/channel.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/core/until_stopping.hpp>
#include <wring/core/when_all.hpp>
#include <wring/core/when_any.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/reader.hpp>
#include <wring/net/stream.hpp>

#include "any_operation.hpp"
#include "support/captured_log.hpp"
#include "support/tcp_support.hpp"
#include "support/waits.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

constexpr bool instrumented = WRING_ADDRESS_SANITIZER != 0 || WRING_THREAD_SANITIZER != 0;

int rounds() {
  const char* const set = std::getenv("WRING_TEST_ROUNDS");
  return set != nullptr ? std::atoi(set) : instrumented ? 2000 : 6000;
}

/// Bytes that tell their position, on their way to one end.
struct bytes_source {
  std::size_t sent = 0;
  std::size_t received = 0;

  void record(std::span<const std::byte> bytes) {
    const bool as_sent = text_of(bytes) == pattern(bytes.size(), received);
    if (!as_sent) FAIL("not the next bytes, at " << received);
    received += bytes.size();
  }
};

/// What trees take from.
class world {
 public:
  static task<> run(std::uint64_t first, std::uint64_t last) {
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4, .accept_queue = 3});
    world w(std::move(listener));
    for (std::uint64_t seed = first; seed != last; ++seed) {
      INFO("seed " << seed);
      w.random_.seed(seed);
      co_await w.trial();
      if (seed % 4 == 3 || seed + 1 == last) co_await w.take_stock();
    }
  }

 private:
  struct stream_source : bytes_source {
    std::function<void(std::string_view)> send;
    std::optional<net::stream_ref> stream;
    bool used = false;
  };
  struct number_source {
    channel<std::uint64_t> items{4};
    std::uint64_t sent = 0;
    std::set<std::uint64_t> received;
  };

  explicit world(net::tcp_listener l) : listener_(std::move(l)), connections_(listener_.connections()) {
    for (std::size_t i = 0; i != tcp_.size(); ++i) {
      sources_[i].stream.emplace(tcp_[i].stream);
      sources_[i].send = [this, i](std::string_view text) { tcp_[i].peer.send(text); };
    }
    for (std::size_t i = 0; i != memory_.size(); ++i) {
      auto& source = sources_[tcp_.size() + i];
      source.stream.emplace(memory_[i].second);
      source.send = nullptr;
    }
  }

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  std::chrono::nanoseconds some_time() { return std::chrono::milliseconds(below(6)); }

  // The trees.

  branch leaf() {
    switch (below(8)) {
      case 0:
      case 1:
        return number_leaf(numbers_[below(2)]);
      case 2:
        return connection_leaf();
      case 3:
        if (one_in(4)) {
          return make_branch(
              []() -> task<> {
                co_await yield();
                throw std::runtime_error("planned");
              },
              [](std::monostate) {});
        }
        return make_branch([] { return tests::forever(); }, [](std::monostate) {});
      case 4:
        return make_branch([time = some_time()] { return sleep_for(time); }, [](std::monostate) {});
      default:
        return bytes_leaf();
    }
  }

  branch number_leaf(number_source& from) {
    return make_branch([&from] { return from.items.receive(); },
                       [&from](std::optional<std::uint64_t>& item) {
                         const bool once = item && from.received.insert(*item).second;
                         if (!once) FAIL("no item, or one for the second time");
                       },
                       one_in(2));
  }

  branch connection_leaf() {
    const auto record = [this](net::tcp_stream& s) { accepted_.push_back(std::move(s)); };
    if (one_in(2)) return make_branch([this] { return listener_.accept(); }, record, one_in(2));
    return make_branch([this] { return connections_.next(); },
                       [record](std::optional<net::tcp_stream>& s) { record(s.value()); });
  }

  branch bytes_leaf() {
    stream_source& from = sources_[below(static_cast<std::uint32_t>(sources_.size()))];
    if (std::exchange(from.used, true)) return number_leaf(numbers_[0]);  // one reader at a time
    const bool as_result = one_in(2);
    const auto all = [&from](const auto& bytes) { from.record(std::span<const std::byte>(bytes)); };
    const std::size_t size = 1 + below(40);
    const auto memory = std::make_shared<std::vector<std::byte>>(size);
    const auto part = [&from, memory](std::size_t count) { from.record(std::span(*memory).first(count)); };
    if (&from == &sources_.back()) {  // through a reader
      switch (below(4)) {
        case 0:
          return make_branch([this] { return reader_.read_some(); }, all, as_result);
        case 1:
          return make_branch([this, memory] { return reader_.read(*memory); }, part, as_result);
        case 2:
          return make_branch([this, size] { return reader_.read_exactly(size); }, all, as_result);
        default:
          return make_branch([this, memory] { return reader_.read_exactly(std::span(*memory)); },
                             [&from, memory](std::monostate) { from.record(*memory); });
      }
    }
    const std::size_t index = static_cast<std::size_t>(&from - sources_.data());
    if (one_in(3)) {
      if (one_in(2)) return make_branch([&from] { return from.stream->read_some(); }, all, as_result);
      return make_branch([&from, memory] { return from.stream->read(*memory); }, part, as_result);
    }
    if (index < tcp_.size()) {
      net::tcp_stream& s = tcp_[index].stream;
      if (one_in(2)) return make_branch([&s] { return s.read_some(); }, all, as_result);
      return make_branch([&s, memory] { return s.read(*memory); }, part, as_result);
    }
    net::memory_stream& s = memory_[index - tcp_.size()].second;
    if (one_in(2)) return make_branch([&s] { return s.read_some(); }, all, as_result);
    return make_branch([&s, memory] { return s.read(*memory); }, part, as_result);
  }

  branch grow(unsigned depth) {
    if (depth == 0 || one_in(5)) return leaf();
    const auto record = [](auto& value) { record_all(value); };
    const std::uint32_t kind = below(9);
    if (kind < 2) {
      std::vector<branch> made(1 + below(3));
      for (branch& each : made) each = grow(depth - 1);
      const auto list = std::make_shared<std::vector<branch>>(std::move(made));
      if (kind == 0) return make_branch([list] { return when_any(*list); }, record);
      return make_branch([list] { return when_all(*list); }, record);
    }
    const auto a = std::make_shared<branch>(grow(depth - 1));
    if (kind < 4) {
      const auto b = std::make_shared<branch>(grow(depth - 1));
      if (kind == 2) return make_branch([a, b] { return when_any(*a, *b); }, record);
      return make_branch([a, b] { return when_all(*a, *b); }, record);
    }
    const auto time = some_time();
    switch (kind) {
      case 4:
        return make_branch([a, time] { return with_timeout(time, *a); }, record, one_in(2));
      case 5:
        return make_branch([a, time] { return move_on_after(time, *a); }, record);
      case 6: {
        const auto scope = scopes_.emplace_back(std::make_shared<cancel_scope>());
        return make_branch([a, scope] { return scope->run(*a); }, record);
      }
      case 7: {
        const auto bounded =
            std::make_shared<branch>(make_branch([a, time] { return move_on_after(time, *a); }, record));
        return make_branch([bounded] { return shield(*bounded); }, record);
      }
      default:
        return make_branch([a] { return until_stopping(*a); }, record);
    }
  }

  // What happens to them.

  task<> feed() {
    switch (below(3)) {
      case 0: {
        number_source& to = numbers_[below(2)];
        if (to.items.try_send(to.sent)) ++to.sent;
        break;
      }
      case 1:
        if (clients_.size() < accepted_.size() + 6) {
          clients_.push_back(raw_socket::connected_to(listener_.local_address()));
        }
        break;
      default: {
        const std::size_t index = below(static_cast<std::uint32_t>(sources_.size()));
        stream_source& to = sources_[index];
        const std::string text = pattern(1 + below(60), to.sent);
        if (index < tcp_.size()) {
          if (to.sent - to.received > 4000) break;
          to.send(text);
        } else {
          net::memory_stream& from = memory_[index - tcp_.size()].first;
          if (memory_[index - tcp_.size()].second.unread() > 64) break;
          co_await from.write_all(text);
        }
        to.sent += text.size();
      }
    }
  }

  task<> trial() {
    scopes_.clear();
    for (stream_source& each : sources_) each.used = false;
    const branch tree = grow(1 + below(4));
    cancel_scope whole;
    bool ended = false;
    const auto awaiting = [&]() -> task<> {
      try {
        const taken_ptr got = co_await tree();
        got->record();
      } catch (const timeout_error&) {
      } catch (const std::runtime_error& e) {
        if (std::string_view(e.what()) != "planned") throw;
      }
    };
    const auto scoped = [&]() -> task<> {
      co_await whole.run(awaiting);
      ended = true;
    };
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(scoped));
      for (std::uint32_t steps = below(12); steps != 0 && !ended; --steps) {
        const std::uint32_t what = below(8);
        if (what < 4) {
          co_await feed();
        } else if (what < 6) {
          for (std::uint32_t pauses = 1 + below(4); pauses != 0; --pauses) co_await yield();
        } else if (what == 6) {
          co_await clock_.advance(1ms);
        } else if (!scopes_.empty() && one_in(2)) {
          scopes_[below(static_cast<std::uint32_t>(scopes_.size()))]->cancel();
        }
      }
      whole.cancel();
      while (!ended) {
        if (one_in(2)) co_await feed();
        co_await yield();
        co_await clock_.advance(1ms);
      }
    });
  }

  /// Whether `fn()` ends before long.
  static task<bool> soon(std::function<task<>()> fn) {
    cancel_scope scope;
    bool ended = false;
    const auto scoped = [&]() -> task<> {
      co_await scope.run(fn);
      ended = true;
    };
    bool in_time = false;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(scoped));
      for (int patience = 20'000; patience != 0 && !ended; --patience) co_await yield();
      in_time = ended;
      scope.cancel();
    });
    co_return in_time;
  }

  /// What nobody was given is still there.
  task<> take_stock() {
    for (number_source& from : numbers_) {
      std::optional<std::uint64_t> before;
      while (const auto item = from.items.try_receive()) {
        const bool in_order = !before || *before < *item;
        const bool once = from.received.insert(*item).second;
        REQUIRE(in_order);
        REQUIRE(once);
        before = item;
      }
      REQUIRE(from.received.size() == from.sent);
    }
    for (std::size_t i = 0; i != sources_.size(); ++i) {
      stream_source& from = sources_[i];
      const auto read = [&]() -> task<> {
        while (from.received != from.sent) {
          buffer_lease chunk;
          if (&from == &sources_.back()) {
            chunk = co_await reader_.read_some();
          } else {
            chunk = co_await from.stream->read_some();
          }
          from.record(std::span<const std::byte>(chunk));
        }
      };
      const bool whole = co_await soon(read);
      if (!whole) FAIL("bytes " << from.received << " to " << from.sent << " of stream " << i << " are gone");
    }
    const auto accept = [&]() -> task<> {
      while (accepted_.size() != clients_.size()) {
        auto connection = co_await listener_.accept();
        accepted_.push_back(std::move(connection));
      }
    };
    const bool all = co_await soon(accept);
    if (!all) FAIL(clients_.size() - accepted_.size() << " connections are gone");
    std::set<std::uint16_t> ports;
    for (net::tcp_stream& each : accepted_) {
      const bool once = ports.insert(each.peer_address().port()).second;
      REQUIRE(once);
    }
    for (net::tcp_stream& each : accepted_) each.abort();  // leaves no port behind
    accepted_.clear();
    clients_.clear();
  }

  testing::clock clock_;
  std::mt19937_64 random_;
  std::array<connection, 2> tcp_{make_connection(), make_connection()};
  std::array<std::pair<net::memory_stream, net::memory_stream>, 3> memory_{
      net::make_memory_stream_pair({.capacity = 128}), net::make_memory_stream_pair({.capacity = 128, .read_chunk = 7}),
      net::make_memory_stream_pair({.capacity = 128})};
  std::array<stream_source, 5> sources_;
  net::reader reader_{memory_[2].second};
  std::array<number_source, 2> numbers_;
  net::tcp_listener listener_;
  net::tcp_listener::sequence connections_;
  std::vector<raw_socket> clients_;
  std::vector<net::tcp_stream> accepted_;
  std::vector<std::shared_ptr<cancel_scope>> scopes_;
};

}  // namespace

TEST_CASE("what trees of combinators take is given to a task once, or stays where it was",
          "[combinators][tcp][real_fd]") {
  const captured_log log;  // of operands that failed after others
  const auto last = static_cast<std::uint64_t>(rounds());
  constexpr std::uint64_t batch = 200;
  for (std::uint64_t first = 0; first < last; first += batch) {
    testing::run([&]() -> task<> { return world::run(first, std::min(first + batch, last)); });
  }
}
