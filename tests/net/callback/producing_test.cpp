// SPDX-License-Identifier: MIT
// What a producer of much data costs in memory, where its consumer reads slowly, over TCP. WRING_TEST_BYTES=1073741824
// sends 1 GiB.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/nursery.hpp>
#include <wring/core/testing/task_test.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/names/connect_tcp.hpp>
#include <wring/net/tcp_listener.hpp>

namespace {

using namespace wring;

constexpr std::size_t piece = std::size_t{16} * 1024;

/// Writes so many bytes, a piece at a time, and notes the most that were unsent.
class pieces final : public net::protocol, net::producer {
 public:
  pieces(net::production how, std::size_t total) : how_(how), left_(total) {}
  void connection_made() override {
    transport().register_producer(*this, how_);
    if (how_ == net::production::push) resume_producing();
  }
  [[nodiscard]] std::size_t most_unsent() const noexcept { return most_unsent_; }

 private:
  void resume_producing() override {
    running_ = true;
    while (running_ && left_ != 0) {
      const std::size_t size = std::min(left_, piece);
      left_ -= size;
      transport().write(std::span(bytes_).first(size));
      most_unsent_ = std::max(most_unsent_, transport().unsent());
      if (how_ == net::production::pull) break;
    }
    if (left_ != 0) return;
    transport().unregister_producer();
    transport().lose_connection();
  }
  void pause_producing() override { running_ = false; }
  void stop_producing() override { left_ = 0; }

  net::production how_;
  std::size_t left_;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(piece);
  std::size_t most_unsent_ = 0;
  bool running_ = false;
};

std::size_t total_bytes() {
  const char* const asked = std::getenv("WRING_TEST_BYTES");
  return asked == nullptr ? std::size_t{8} << 20 : std::stoul(asked);
}

/// The most memory that this process has had, in bytes.
std::size_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace

TASK_TEST_WITH("a producer holds 64 KiB and a piece, whatever it sends", "[producing][real_fd]", .real_time = true) {
  for (const net::production how : {net::production::push, net::production::pull}) {
    const std::size_t total = total_bytes();
    const auto p = std::make_shared<pieces>(how, total);
    auto listener = co_await net::listen_tcp({.address = net::ip_address::loopback_v4});
    net::tcp_stream consumer = co_await net::connect_tcp(listener.local_address());
    net::tcp_stream s = co_await listener.accept();
    auto side = [&]() -> task<> { co_await net::run_protocol(s, p); };
    const std::size_t before = peak_memory();
    std::size_t received = 0;
    co_await with_nursery([&](nursery& n) -> task<> {
      n.start(std::ref(side));
      for (;;) {
        const buffer_lease chunk = co_await consumer.read_some();
        if (!chunk) break;
        received += chunk.size();
        co_await yield();  // slower than what is sent
      }
    });
    CHECK(received == total);
    CHECK(p->most_unsent() <= net::transport::pause_above + piece);
    // Whatever the kernel and the buffers of reading hold, it has nothing to do with what is sent.
    CHECK(peak_memory() - before <= std::size_t{8} << 20);
  }
}
