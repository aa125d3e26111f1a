// SPDX-License-Identifier: MIT
//
// Twisted's chatserver: sends each line to all who are connected, also to its sender. With coroutines;
// chatserver_callbacks.cpp is the same with callbacks.

#include <chrono>
#include <cstdio>
#include <set>
#include <string>

#include <fmt/format.h>

#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/net/outbox.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
using visitors = std::set<net::outbox*>;

/// One of all who are connected, as long as it exists.
class presence {
 public:
  presence(visitors& all, net::outbox& out) : all_(all), out_(out) { all.insert(&out); }
  presence(const presence&) = delete;
  presence& operator=(const presence&) = delete;
  ~presence() { all_.erase(&out_); }

 private:
  visitors& all_;
  net::outbox& out_;
};

wring::task<> talk(visitors& all, net::stream_ref peer, wring::nursery& n) {
  net::reader in(peer);
  wring::framing::line_codec lines(in);
  net::outbox out(peer, n, {.limit = 65536, .overflow = net::outbox_overflow::abort});
  const presence here(all, out);
  while (const auto line = co_await lines.next()) {
    const std::string whole = std::string(*line) + "\r\n";
    for (net::outbox* const other : all) other->post(whole);
  }
}

/// What serves one connection.
struct visits {
  visitors* all;
  wring::task<> operator()(net::stream_ref peer) const {
    visitors& others = *all;
    co_await wring::with_nursery([&](wring::nursery& n) { return talk(others, peer, n); });
  }
};

wring::task<> serve_chat(net::tcp_listen_options listen) {
  visitors all;
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, visits{&all}, {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 1025};
  examples::options options("Sends each line to all who are connected: with coroutines.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_chat, listen);
}
