// SPDX-License-Identifier: MIT
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/files/file.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/protocols/framing/callback/file_sender.hpp>

#include "net/callback/recorder.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;
using framing::file_sender;
using transform = file_sender::transform_function;

/// A file of `size` bytes, whose last is 'z'.
task<net::file> file_of(const temporary_folder& folder, std::size_t size) {
  const std::string path = folder / "sent";
  net::file made = co_await net::create_file(path);
  std::string text(size, 'x');
  if (size != 0) text.back() = 'z';
  co_await made.write_all(text);
  co_await made.close();
  net::file opened = co_await net::open_file(path);
  co_return opened;
}

/// Sends `f` over a connection, and reads up to `at_most` bytes. Gives what was received, and what the deferred said.
task<std::pair<std::string, std::string>> sent(net::file f, transform change = {}, std::size_t at_most = unlimited) {
  auto [a, b] = net::make_memory_stream_pair({.capacity = 20'000});
  auto p = std::make_shared<recorder>();
  std::string said;
  file_sender sender(std::move(change));
  p->when_made = [&](recorder& r) {
    sender.begin_file_transfer(std::move(f), r.transport())
        .add_callback([&](std::optional<std::byte> last) {
          said = last ? std::string(1, static_cast<char>(*last)) : "nothing";
          r.transport().lose_connection();
        })
        .add_errback([&](const failure& why) {
          said = why.check<framing::file_transfer_stopped>() ? "stopped" : why.message();
          r.transport().lose_connection();
        });
  };
  std::string received;
  auto side = [&]() -> task<> { co_await net::run_protocol(a, p); };
  net::memory_stream& far = b;
  co_await with_nursery([&](nursery& n) -> task<> {
    n.start(std::ref(side));
    while (received.size() < at_most) {
      const auto chunk = co_await far.read_some().result();
      if (!chunk || chunk->empty()) break;
      received.append(reinterpret_cast<const char*>(chunk->data()), chunk->size());
    }
    co_await far.close();
  });
  co_return std::pair(received, said);
}

TASK_TEST_WITH("a file is sent to its end", "[file_sender][real_fd]", .real_time = true) {
  const temporary_folder folder;
  for (const std::size_t size : {0U, 1U, 16'384U, 16'385U, 1'000'000U}) {
    net::file f = co_await file_of(folder, size);
    const auto [received, said] = co_await sent(std::move(f));
    CHECK(received.size() == size);
    CHECK(said == (size == 0 ? "nothing" : "z"));
  }
  net::file rest = co_await file_of(folder, 100);
  rest.seek(90);
  const auto [received, said] = co_await sent(std::move(rest));
  CHECK(received == "xxxxxxxxxz");
}

TASK_TEST_WITH("what is sent may be changed, also to nothing", "[file_sender][real_fd]", .real_time = true) {
  const temporary_folder folder;
  net::file f = co_await file_of(folder, 100'000);
  int pieces = 0;
  const auto [received, said] = co_await sent(std::move(f), [&](std::span<const std::byte> piece) {
    if (++pieces % 2 == 0) return std::vector<std::byte>();
    return std::vector<std::byte>(piece.size() / 2, std::byte{'h'});
  });
  CHECK(pieces == 7);
  CHECK(received == std::string(3 * 8192 + (100'000 - 6 * 16'384) / 2, 'h'));
  CHECK(said == "h");
  net::file other = co_await file_of(folder, 100);
  const auto failed = co_await sent(std::move(other), [](std::span<const std::byte>) -> std::vector<std::byte> {
    throw std::runtime_error("cannot change this");
  });
  CHECK(failed.second == "cannot change this");
}

TASK_TEST_WITH("a transfer that cannot go on says why", "[file_sender][real_fd]", .real_time = true) {
  const temporary_folder folder;
  net::file f = co_await file_of(folder, 1'000'000);
  const auto left = co_await sent(std::move(f), {}, 50'000);
  CHECK(left.second == "stopped");
  const auto closed = co_await sent(net::file());
  CHECK(closed.first.empty());
  CHECK(closed.second.find("closed") != std::string::npos);
}

TASK_TEST_WITH("a transfer can be cancelled", "[file_sender][real_fd]", .real_time = true) {
  const temporary_folder folder;
  net::file f = co_await file_of(folder, 1'000'000);
  auto [a, b] = net::make_memory_stream_pair({.capacity = 20'000});
  auto p = std::make_shared<recorder>();
  std::string said;
  p->when_made = [&](recorder& r) {
    auto d = file_sender().begin_file_transfer(std::move(f), r.transport());
    d.cancel();
    d.add_errback([&](const failure& why) {
      said = why.check<cancelled_error>() ? "cancelled" : why.message();
      return std::optional<std::byte>();
    });
    r.transport().lose_connection();
  };
  co_await net::run_protocol(a, p);
  CHECK(said == "cancelled");
  CHECK(p->said == "made lost:done");
  static_cast<void>(b);
}

}  // namespace
