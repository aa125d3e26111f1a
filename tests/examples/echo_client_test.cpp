// SPDX-License-Identifier: MIT
#include "../../examples/echo_client.cpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/mman.h>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/cancel_everywhere.hpp>
#include <wring/core/testing/run.hpp>

#include "captured_output.hpp"

namespace {

using wring::tests::output_of;

/// A file to read from.
class input_file {
 public:
  explicit input_file(std::string_view content) : fd_(::memfd_create("input", 0)) {
    if (::pwrite(fd_, content.data(), content.size(), 0) < 0) throw std::runtime_error("no file for the input");
  }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;
  ~input_file() { ::close(fd_); }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// A server that sends back what it is sent, up to `most` bytes, and hangs up.
task<> echo_some(net::memory_stream end, std::size_t most) {
  while (most != 0) {
    auto chunk = co_await end.read_some();
    if (!chunk) break;
    chunk.truncate(std::min(most, chunk.size()));
    most -= chunk.size();
    co_await end.write_all(chunk);
  }
}

/// A conversation with that server. Whether everything was sent.
task<bool> converse_in_memory(const settings& chosen, std::size_t most = 1 << 20) {
  auto [server_end, client] = net::make_memory_stream_pair({.capacity = 8, .read_chunk = 7});
  bool all_sent = false;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    n.start(echo_some, std::move(server_end), most);
    all_sent = co_await converse(client, chosen);
  });
  co_return all_sent;
}

}  // namespace

TEST_CASE("The client prints the replies to its message", "[examples][echo_client]") {
  settings chosen;
  chosen.message = "hello world";
  bool all_sent = false;
  const auto talk = [&] { return converse_in_memory(chosen); };
  CHECK(output_of([&] { all_sent = wring::testing::run(talk); }) == "hello world\n");
  CHECK(all_sent);
}

TEST_CASE("The client sends its input and prints the replies", "[examples][echo_client]") {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i) + '\n';
  const input_file input(text);
  settings chosen;
  chosen.input = input.fd();
  bool all_sent = false;
  const auto talk = [&] { return converse_in_memory(chosen); };
  CHECK(output_of([&] { all_sent = wring::testing::run(talk); }) == text);
  CHECK(all_sent);
}

TEST_CASE("The client ends when the server hangs up, although there is more input to come", "[examples][echo_client]") {
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  REQUIRE(::write(pipe_ends[1], "some input", 10) == 10);
  settings chosen;
  chosen.input = pipe_ends[0];
  bool all_sent = true;
  const auto talk = [&] { return converse_in_memory(chosen, 4); };
  CHECK(output_of([&] { all_sent = wring::testing::run(talk); }) == "some");
  CHECK_FALSE(all_sent);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_CASE("The client can be cancelled wherever it waits", "[examples][echo_client]") {
  const auto with_message = []() -> task<> {
    settings chosen;
    chosen.message = "a message that takes more than one piece";
    co_await converse_in_memory(chosen);
  };
  const auto with_file = []() -> task<> {
    const input_file input("input that takes more than one piece");
    settings chosen;
    chosen.input = input.fd();
    co_await converse_in_memory(chosen);
  };
  for (const std::function<task<>()>& talk :
       {std::function<task<>()>(with_message), std::function<task<>()>(with_file)}) {
    std::size_t points = 0;
    output_of([&] { points = wring::testing::cancel_everywhere(talk); });
    CHECK(points > 5);
  }
}
