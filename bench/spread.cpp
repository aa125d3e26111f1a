// SPDX-License-Identifier: MIT
//
// How connections are spread over schedulers, and what accepting one costs. Prints a line of JSON for each way:
//
//     bench_spread [--threads N] [--connections N] [--rounds N]
//
//     reuseport   a listener for each scheduler, and the kernel chooses by a hash of the addresses
//     hand-out    a shared_listener: one scheduler accepts, and gives each connection to the one that waited longest
//
// `most` and `least` are what the scheduler with the most and the least connections of a round has, in shares of an
// even spread: 1 is even. They are means over the rounds. `cpu_us` is the process's time for each connection, the
// clients' and the answer of one byte included.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string_view>
#include <vector>

#include <wring/wring.hpp>

#include "common/options.hpp"
#include "common/sockets.hpp"

namespace {

namespace net = wring::net;
using wring::task;

constexpr unsigned most_threads = 64;

double cpu_ns() noexcept {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct outcome {
  double most = 0;
  double least = 0;
  double cpu = 0;
};

class measurement {
 public:
  measurement(unsigned threads, unsigned connections, unsigned rounds, bool hands_out)
      : threads_(threads), connections_(connections), rounds_(rounds), hands_out_(hands_out) {}

  outcome run() {
    if (wring::runtime(threads_).run([this] { return serve(); }) != 0) bench::die("runtime");
    return measured_;
  }

 private:
  task<> serve() {
    if (hands_out_) {
      auto listener = co_await door_.listen([] { return net::listen_tcp({.address = net::ip_address::loopback_v4}); });
      co_await serve_on(listener, listener.local_address().port());
    } else {
      const bool first = wring::runtime::number() == 0;
      net::tcp_listen_options where{.address = net::ip_address::loopback_v4};
      if (!first) {
        const auto told = co_await port_.receive();
        where.port = told.value();
      }
      auto listener = co_await net::listen_tcp(where);
      if (first) {
        for (unsigned i = 1; i != threads_; ++i) co_await port_.send(listener.local_address().port());
      }
      co_await serve_on(listener, listener.local_address().port());
    }
  }

  template <class Listener>
  task<> serve_on(Listener& listener, std::uint16_t port) {
    ++listening_;
    auto handler = [this](net::tcp_stream peer) -> task<> {
      ++served_.at(wring::runtime::number());
      co_await peer.write_all("x");
      static_cast<void>(co_await peer.read_some());  // until the client closes
    };
    co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
      n.start([&]() -> task<> { co_await net::serve(listener, handler); });
      if (wring::runtime::number() != 0) co_return;
      while (listening_ != threads_) co_await wring::sleep_for(std::chrono::milliseconds(1));
      // On a thread of its own, as the clients of a server are elsewhere.
      co_await wring::offload([this, port] { connect(port); });
      wring::runtime::current().request_stop();
    });
  }

  void connect(std::uint16_t port) {
    for (unsigned round = 0; round != rounds_; ++round) {
      for (std::atomic<unsigned>& each : served_) each = 0;
      const double began = cpu_ns();
      std::vector<int> clients;
      for (unsigned i = 0; i != connections_; ++i) clients.push_back(bench::connect_to(port));
      for (const int fd : clients) {
        char answer = 0;
        if (::recv(fd, &answer, 1, 0) != 1) bench::die("recv");
      }
      measured_.cpu += (cpu_ns() - began) / connections_ / rounds_;
      const auto [least, most] = std::minmax_element(served_.begin(), served_.begin() + threads_);
      const double even = static_cast<double>(connections_) / threads_;
      measured_.least += *least / even / rounds_;
      measured_.most += *most / even / rounds_;
      for (const int fd : clients) ::close(fd);
    }
  }

  const unsigned threads_;
  const unsigned connections_;
  const unsigned rounds_;
  const bool hands_out_;
  net::shared_listener<net::tcp_listener> door_;
  wring::cross_channel<std::uint16_t> port_{1};
  std::atomic<unsigned> listening_ = 0;
  std::array<std::atomic<unsigned>, most_threads> served_{};
  outcome measured_;
};

}  // namespace

int main(int argc, char** argv) {
  double threads = 4;
  double connections = 64;
  double rounds = 50;
  bench::read_options(argc, argv,
                      {{.name = "--threads", .number = &threads},
                       {.name = "--connections", .number = &connections},
                       {.name = "--rounds", .number = &rounds}});
  if (threads < 2 || threads > most_threads) {
    std::fprintf(stderr, "bench_spread: --threads must be from 2 to %u\n", most_threads);
    return 2;
  }
  for (const bool hands_out : {false, true}) {
    measurement m(static_cast<unsigned>(threads), static_cast<unsigned>(connections), static_cast<unsigned>(rounds),
                  hands_out);
    const outcome measured = m.run();
    std::printf("{\"name\":\"%s\",\"most\":%.2f,\"least\":%.2f,\"cpu_us\":%.1f}\n",
                hands_out ? "hand-out" : "reuseport", measured.most, measured.least, measured.cpu / 1000);
  }
}
