// SPDX-License-Identifier: MIT
// Descriptors that protocols pass to each other over Unix sockets. That none is left open is checked by each test, as
// all tests of tasks do.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/client_connector.hpp>
#include <wring/net/callback/listening_port.hpp>
#include <wring/net/callback/protocol_wrapper.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/callback/transport_wrapper.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/unix_stream.hpp>

#include "recorder.hpp"
#include "support/captured_log.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using namespace std::chrono_literals;

/// Of any engine: a descriptor to pass on.
net::descriptor some_descriptor() {
  return net::descriptor(scheduler::current().engine().open_socket(AF_INET, SOCK_DGRAM, 0));
}

std::size_t open_descriptors() { return scheduler::current().engine().open_descriptors().all.size(); }

/// Writes down what comes with what.
class receiver final : public recorder, public net::descriptor_receiver {
 public:
  struct arrival {
    net::descriptor fd;
    std::size_t after;  ///< bytes that were received before
  };

  std::string received;
  std::vector<arrival> taken;
  std::function<void(receiver&)> when_taken;

  void data_received(std::span<const std::byte> data) override {
    received += text_of(data);
    recorder::data_received(data);
  }
  void descriptor_received(net::descriptor fd) override {
    taken.push_back({std::move(fd), received.size()});
    said += "fd ";
    if (when_taken) when_taken(*this);
  }
};

/// Runs two protocols over a pair of sockets, of which the second keeps `most` descriptors.
task<> run_pair(std::shared_ptr<net::protocol> near, std::shared_ptr<net::protocol> far, unsigned most = 4) {
  auto [a, b] = net::socket_pair(most);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await net::run_protocol(a, std::move(near)); });
    co_await net::run_protocol(b, std::move(far));
  });
}

std::uint64_t file_of(const net::descriptor& fd) {
  struct ::stat found{};
  REQUIRE(::fstat(fd.get(), &found) == 0);
  return found.st_ino;
}

TASK_TEST("descriptors arrive in the order of the bytes", "[transport][descriptors][unix][real_fd]") {
  const auto near = std::make_shared<recorder>();
  const auto far = std::make_shared<receiver>();
  std::vector<std::uint64_t> files;
  near->when_made = [&](recorder& r) {
    const auto pass = [&] {
      net::descriptor given = some_descriptor();
      files.push_back(file_of(given));
      r.transport().send_descriptor(std::move(given));
    };
    r.transport().write("before ");
    pass();
    pass();
    r.transport().write("");
    r.transport().write_sequence({"one ", "two "});
    pass();
    r.transport().write("three");
    CHECK(r.transport().unsent() == 20);
    r.transport().lose_connection();
  };
  co_await run_pair(near, far);
  CHECK(far->received == "before one two three");
  CHECK(far->said.ends_with("lost:done"));
  CHECK(near->said == "made lost:done");
  REQUIRE(far->taken.size() == 3);
  constexpr std::array<std::size_t, 3> places{7, 7, 15};
  for (std::size_t i = 0; i != 3; ++i) {
    CHECK(file_of(far->taken[i].fd) == files[i]);
    CHECK(far->taken[i].after <= places[i]);
  }
  far->taken.clear();
}

TASK_TEST("much is written around a descriptor", "[transport][descriptors][unix]") {
  const auto near = std::make_shared<recorder>();
  const std::string much(3'000'000, 'x');
  std::size_t most_unsent = 0;
  near->when_made = [&](recorder& r) {
    r.transport().write(much);
    r.transport().send_descriptor(some_descriptor());
    r.transport().write(much);
  };
  near->when_received = [&](recorder& r) {  // some of it has been sent
    r.transport().write("y");
    r.transport().send_descriptor(some_descriptor());
    r.transport().write("z");
    most_unsent = r.transport().unsent();
    r.transport().lose_connection();
  };
  auto [a, b] = net::socket_pair(2);
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await net::run_protocol(a, near); });
    std::string all;
    std::vector<std::size_t> places;
    for (;;) {
      const buffer_lease chunk = co_await b.read_some();
      if (chunk.empty()) break;
      all.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
      while (b.take_descriptor().get() >= 0) places.push_back(all.size());
      if (all.size() == chunk.size()) co_await b.write_all("go on");
    }
    CHECK(all.size() == 2 * much.size() + 2);
    CHECK(all.find('y') == 2 * much.size());
    const bool whole = all == much + much + "yz";
    CHECK(whole);
    REQUIRE(places.size() == 2);
    CHECK(places[0] > much.size());
    CHECK(places[1] == all.size());
  });
  CHECK(most_unsent > 2);
  CHECK(near->said == "made [go on] lost:done");
}

/// Writes a piece and a descriptor each time that everything has been sent.
class passing_producer final : public net::producer {
 public:
  explicit passing_producer(net::transport& to) : to_(to) {}
  void resume_producing() override {
    to_.send_descriptor(some_descriptor());
    to_.write("piece");
    if (++written == 5) to_.unregister_producer();
  }
  void pause_producing() override {}
  void stop_producing() override {}

  int written = 0;

 private:
  net::transport& to_;
};

TASK_TEST("a producer is resumed when its descriptor is sent", "[transport][descriptors][unix]") {
  const auto near = std::make_shared<recorder>();
  const auto far = std::make_shared<receiver>();
  std::unique_ptr<passing_producer> producer;
  near->when_made = [&](recorder& r) {
    producer = std::make_unique<passing_producer>(r.transport());
    r.transport().register_producer(*producer, net::production::pull);
    r.transport().lose_connection();  // waits for the producer
  };
  co_await run_pair(near, far, 5);
  CHECK(far->received == "piecepiecepiecepiecepiece");
  CHECK(far->taken.size() == 5);
  far->taken.clear();
}

TASK_TEST("what cannot be passed is closed", "[transport][descriptors][unix]") {
  const auto near = std::make_shared<recorder>();
  const auto far = std::make_shared<receiver>();
  near->when_made = [&](recorder& r) {
    net::transport& t = r.transport();
    CHECK_THROWS_AS(t.send_descriptor(net::descriptor()), std::invalid_argument);
    for (std::size_t i = 0; i != net::transport::most_descriptors; ++i) t.send_descriptor(some_descriptor());
    const std::size_t open = open_descriptors();
    std::string said;
    try {
      t.send_descriptor(some_descriptor());
    } catch (const io_error& e) {
      CHECK(e.code() == errc::limit_exceeded);
      said = e.what();
    }
    CHECK(said.find("64") != std::string::npos);
    CHECK(said.find("each needs a byte that is written after it") != std::string::npos);
    CHECK(open_descriptors() == open);
    CHECK_THROWS_AS(t.upgrade([](net::stream_ref) -> task<net::any_stream> { co_return net::any_stream(); }),
                    std::logic_error);
    t.lose_connection();  // no byte has followed
  };
  near->when_lost = [](recorder& r) { r.transport().send_descriptor(some_descriptor()); };
  co_await run_pair(near, far);
  near->transport().send_descriptor(some_descriptor());
  CHECK(near->said == "made lost:done");
  CHECK(far->said == "made lost:done");

  const auto over_memory = std::make_shared<recorder>();
  over_memory->when_made = [](recorder& r) {
    CHECK_THROWS_AS(r.transport().send_descriptor(some_descriptor()), std::logic_error);
    r.transport().lose_connection();
  };
  auto [a, b] = net::make_memory_stream_pair();
  co_await net::run_protocol(a, over_memory);
}

TASK_TEST("descriptors that are not sent are closed with the connection", "[transport][descriptors][unix]") {
  const std::string much(1'000'000, 'x');
  enum class end { abort, by_peer, cancelled, thrown };
  for (const end how : {end::abort, end::by_peer, end::cancelled, end::thrown}) {
    const captured_log log;
    const std::size_t open = open_descriptors();
    const auto near = std::make_shared<recorder>();
    near->when_made = [&](recorder& r) {
      for (int i = 0; i != 3; ++i) {  // one is being sent while the others wait
        r.transport().write(much);
        r.transport().send_descriptor(some_descriptor());
      }
    };
    near->when_received = [&](recorder& r) {
      if (how == end::thrown) throw std::runtime_error("enough");
      if (how == end::abort) r.transport().abort_connection();
    };
    {
      auto [a, b] = net::socket_pair(1);
      co_await with_nursery([&](nursery& n) -> task<> {
        child_handle run = n.start([&]() -> task<> { co_await net::run_protocol(a, near); });
        const buffer_lease first = co_await b.read_some();
        CHECK(!first.empty());
        co_await b.write_all("enough");
        if (how == end::by_peer) co_await b.close();
        if (how == end::cancelled) run.cancel();
      });
    }
    CHECK(near->losses == 1);
    CHECK(near->transport().unsent() == 0);
    CHECK(open_descriptors() == open);
  }
}

TASK_TEST("descriptors for a protocol that takes none are closed as they come", "[transport][descriptors][unix]") {
  const auto far = std::make_shared<recorder>();
  auto [a, b] = net::socket_pair(1);
  const std::size_t open = open_descriptors();
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start([&]() -> task<> { co_await net::run_protocol(b, far); });
    for (int i = 0; i != 5; ++i) {
      const net::descriptor given = some_descriptor();
      const std::array<int, 1> one{given.get()};
      event received;
      far->when_received = [&](recorder&) { received.set(); };
      co_await a.write_all("x", one);
      co_await received.wait();
      CHECK(open_descriptors() == open + 1);
    }
    co_await a.close();
  });
  CHECK(far->said == "made [x] [x] [x] [x] [x] lost:done");
}

TASK_TEST("more descriptors than may be kept lose the connection", "[transport][descriptors][unix]") {
  const auto near = std::make_shared<recorder>();
  const auto far = std::make_shared<receiver>();
  near->when_made = [](recorder& r) {
    r.transport().send_descriptor(some_descriptor());
    r.transport().send_descriptor(some_descriptor());
    r.transport().write("x");
  };
  co_await run_pair(near, far, 1);
  CHECK(far->said == "made lost:lost");
  CHECK(far->taken.empty());
}

TASK_TEST("a protocol pauses, aborts or fails when a descriptor comes", "[transport][descriptors][unix]") {
  const auto near = std::make_shared<recorder>();
  near->when_made = [](recorder& r) {
    r.transport().send_descriptor(some_descriptor());
    r.transport().send_descriptor(some_descriptor());
    r.transport().write("data");
  };
  {
    const auto far = std::make_shared<receiver>();
    event taken;
    far->when_taken = [&](receiver& r) {
      r.transport().pause_producing();
      taken.set();
    };
    far->when_received = [](recorder& r) { r.transport().lose_connection(); };
    auto [a, b] = net::socket_pair(4);
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::run_protocol(a, near); });
      n.start([&]() -> task<> { co_await net::run_protocol(b, far); });
      co_await taken.wait();
      CHECK(far->said == "made fd ");
      taken.reset();
      far->transport().resume_producing();
      co_await taken.wait();
      CHECK(far->said == "made fd fd ");
      far->transport().resume_producing();
    });
    CHECK(far->said == "made fd fd [data] lost:done");
  }
  for (const bool thrown : {true, false}) {
    const captured_log log;
    const auto again = std::make_shared<recorder>();
    again->when_made = near->when_made;
    const auto far = std::make_shared<receiver>();
    far->when_taken = [&](receiver& r) {
      if (thrown) throw std::runtime_error("unwanted");
      r.transport().abort_connection();
    };
    co_await run_pair(again, far);
    CHECK(far->said == (thrown ? "made fd lost:unwanted" : "made fd lost:aborted"));
  }
}

TASK_TEST("descriptors go through what wraps a protocol and a transport", "[transport][descriptors][unix]") {
  class wrapper final : public net::protocol_wrapper {
   public:
    using protocol_wrapper::protocol_wrapper;
    std::shared_ptr<net::transport> wrap_transport(std::shared_ptr<net::transport> t) override {
      return std::make_shared<net::transport_wrapper>(std::move(t));
    }
  };
  const auto near = std::make_shared<recorder>();
  const auto far = std::make_shared<receiver>();
  near->when_made = [](recorder& r) {
    r.transport().send_descriptor(some_descriptor());
    r.transport().write("wrapped");
    r.transport().lose_connection();
  };
  co_await run_pair(std::make_shared<wrapper>(near), std::make_shared<wrapper>(far));
  CHECK(far->said == "made fd [wrapped] lost:done");
}

/// Makes one protocol, for a client or a server.
class factory_of final : public net::client_factory {
 public:
  explicit factory_of(std::shared_ptr<net::protocol> p) : protocol_(std::move(p)) {}
  std::shared_ptr<net::protocol> build_protocol(const net::socket_address&) override { return protocol_; }
  void stop_factory() override { ended.set(); }

  event ended;

 private:
  std::shared_ptr<net::protocol> protocol_;
};

TASK_TEST_WITH("both sides of factories pass descriptors", "[transport][descriptors][unix][real_fd]",
               .real_time = true) {
  const temporary_folder folder;
  const std::string path = folder / "socket";
  const auto near = std::make_shared<receiver>();
  const auto far = std::make_shared<receiver>();
  near->when_made = [](recorder& r) {
    r.transport().send_descriptor(some_descriptor());
    r.transport().write("take it");
  };
  far->when_received = [&](recorder& r) {
    r.transport().send_descriptor(std::move(far->taken.at(0).fd));
    r.transport().write("back");
    r.transport().lose_connection();
  };
  const auto serving = std::make_shared<factory_of>(far);
  const auto client = std::make_shared<factory_of>(near);
  const auto port = co_await net::listen_unix(serving, path, {.descriptors = 1});
  net::connect_unix(client, path, {.descriptors = 1});
  co_await client->ended.wait();
  CHECK(near->said == "made fd [back] lost:done");
  CHECK(far->said == "made fd [take it] lost:done");
  near->taken.clear();
  co_await port->stop_listening();
}

TEST_CASE("passing descriptors between protocols can be cancelled wherever it waits",
          "[transport][descriptors][unix]") {
  const auto conversation = []() -> task<> {
    const auto near = std::make_shared<recorder>();
    const auto far = std::make_shared<receiver>();
    near->when_made = [](recorder& r) {
      r.transport().write("before");
      r.transport().send_descriptor(some_descriptor());
      r.transport().write(std::string(300'000, 'x'));
      r.transport().send_descriptor(some_descriptor());
      r.transport().write("after");
      r.transport().lose_connection();
    };
    co_await run_pair(near, far);
    CHECK(far->losses == 1);
  };
  REQUIRE(testing::cancel_everywhere(conversation, {.real_time = true}) > 3);
}

}  // namespace
