// SPDX-License-Identifier: MIT
#include "../../examples/chat.cpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>

namespace {

/// A visitor, who is there until the connection is closed.
task<> let_in(room& here, net::memory_stream door) { co_await visit(here, door); }

/// Reads lines until one is `wanted`.
task<> hear(net::reader& in, std::string wanted) {
  while (const auto line = co_await in.read_line()) {
    if (*line == wanted) co_return;
  }
  throw std::runtime_error("did not hear: " + wanted);
}

/// Ada comes, waits for Grace, says something, hears the answer, and leaves last.
task<> be_ada(net::memory_stream& me) {
  net::reader in(me);
  co_await hear(in, "What is your name?");
  co_await me.write_all("Ada\n");
  co_await hear(in, "* Grace comes in");
  co_await me.write_all("Hello Grace.\n");
  co_await hear(in, "<Grace> Hello Ada.");
  co_await hear(in, "* Grace leaves");
  co_await me.close();
}

task<> be_grace(net::memory_stream& me) {
  net::reader in(me);
  co_await hear(in, "What is your name?");
  co_await me.write_all("Ada\n");
  co_await hear(in, "Ada is here already. What is your name?");
  co_await me.write_all("Grace\n");
  co_await hear(in, "* Hello, Grace. Also here: Ada.");
  co_await hear(in, "<Ada> Hello Grace.");
  co_await me.write_all("Hello Ada.\n");
  co_await me.close();
}

/// A conversation, from the first arrival to the last departure.
task<> conversation(net::memory_stream_options options) {
  room here(4096);
  auto [ada_door, ada] = net::make_memory_stream_pair(options);
  auto [grace_door, grace] = net::make_memory_stream_pair(options);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(let_in, std::ref(here), std::move(ada_door));
    n.start(be_ada, std::ref(ada));
    co_await wring::sleep_for(1s);
    n.start(let_in, std::ref(here), std::move(grace_door));
    n.start(be_grace, std::ref(grace));
  });
  CHECK_FALSE(here.has("Ada"));
  CHECK_FALSE(here.has("Grace"));
}

/// Everything up to the end of the stream.
task<std::string> read_all(net::stream_ref from) {
  std::string all;
  while (auto chunk = co_await from.read_some()) {
    all.append(reinterpret_cast<const char*>(chunk.data()), chunk.size());
  }
  co_return all;
}

/// Comes in as `name`, is told things by the room until dropped, and reads only `after`.
task<std::string> be_slow(std::chrono::seconds after, bool& failed) {
  room here(1024);
  auto [door, me] = net::make_memory_stream_pair({.capacity = 256});
  std::string read;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start([&]() -> task<> {
      const auto ended = co_await let_in(here, std::move(door)).result();
      failed = !ended && ended.error() == wring::errc::timed_out;
    });
    co_await me.write_all("Slow\n");
    while (!here.has("Slow")) co_await wring::sleep_for(1ms);
    for (int i = 0; here.has("Slow"); ++i) {
      here.tell(std::string(40, 'x') + std::to_string(i));
      co_await wring::sleep_for(1ms);
    }
    co_await wring::sleep_for(after);
    read = co_await read_all(me);
  });
  co_return read;
}

template <class Fn>
auto run_on_a_clock_that_jumps(Fn fn) {
  return wring::testing::run([&]() -> std::invoke_result_t<Fn> {
    wring::testing::clock clock;
    clock.jump_when_idle();
    co_return co_await fn();
  });
}

}  // namespace

TEST_CASE("Two people talk and leave nobody behind", "[examples][chat]") {
  run_on_a_clock_that_jumps([] { return conversation({}); });
  run_on_a_clock_that_jumps([] { return conversation({.capacity = 16, .read_chunk = 1, .delay = 5ms}); });
}

TEST_CASE("Somebody who is dropped is sent the reason, if he reads in time", "[examples][chat]") {
  bool failed = false;
  const auto read = run_on_a_clock_that_jumps([&] { return be_slow(9s, failed); });
  CHECK(read.ends_with("* You are dropped: more than 1024 bytes were waiting for you.\n"));
  CHECK_FALSE(failed);
}

TEST_CASE("Somebody who is dropped and never reads does not stay", "[examples][chat]") {
  bool failed = false;
  const auto read = run_on_a_clock_that_jumps([&] { return be_slow(11s, failed); });
  CHECK(read.find("dropped") == read.npos);
  CHECK(failed);
}

TEST_CASE("Of two who give the same name at once one is asked again", "[examples][chat]") {
  const auto heard = run_on_a_clock_that_jumps([]() -> task<std::string> {
    room here(4096);
    std::string all;
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      auto [first_door, first] = net::make_memory_stream_pair();
      auto [second_door, second] = net::make_memory_stream_pair();
      n.start(let_in, std::ref(here), std::move(first_door));
      n.start(let_in, std::ref(here), std::move(second_door));
      co_await first.write_all("Ada\n");
      co_await second.write_all("Ada\n");
      co_await wring::sleep_for(1s);
      co_await first.shut_down_write();
      co_await second.shut_down_write();
      all += co_await read_all(first);
      all += co_await read_all(second);
    });
    co_return all;
  });
  CHECK(heard.find("* Hello, Ada.") != heard.npos);
  CHECK(heard.find("* Hello, Ada.") == heard.rfind("* Hello, Ada."));
  CHECK(heard.find("Ada is here already.") != heard.npos);
}

TEST_CASE("A conversation can be cancelled wherever anybody waits", "[examples][chat]") {
  CHECK(wring::testing::cancel_everywhere([] { return conversation({.capacity = 64, .read_chunk = 9}); }) > 10);
}
