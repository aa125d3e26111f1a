// SPDX-License-Identifier: MIT
//
// Finger, as Twisted's tutorial begins it. Step 1 only listens, step 2 closes each connection at once, step 3 answers
// the name of a user with the words that there is no such user. With coroutines; finger_callbacks.cpp is the same with
// callbacks.

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 1079};
  unsigned step = 3;
};

wring::task<> listens(net::stream_ref peer) {
  for (;;) {
    const auto chunk = co_await peer.read_some();
    if (!chunk) break;
  }
}

wring::task<> closes(net::stream_ref) { co_return; }

wring::task<> answers(net::stream_ref peer) {
  net::reader in(peer);
  wring::framing::line_codec lines(in);
  const auto user = co_await lines.next();
  if (user) co_await lines.send("No such user");
}

wring::task<> serve_finger(settings chosen) {
  auto* const handler = chosen.step == 1 ? listens : chosen.step == 2 ? closes : answers;
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, handler, {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("The first steps of a finger server: with coroutines.");
  options.listen(chosen.listen);
  options.count("--step", chosen.step, "1: only listens; 2: closes at once; 3: answers", 1U, 3U);
  options.read(argc, argv);
  return wring::run(serve_finger, chosen);
}
