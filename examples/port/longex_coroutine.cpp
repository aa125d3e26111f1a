// SPDX-License-Identifier: MIT
//
// Twisted's longex: a long computation in steps, while lines are answered. `sum N` adds up the numbers to N, `ping` is
// answered at once. With coroutines; longex_callbacks.cpp is the same with callbacks.
//
// The computation is a loop that yields, in a task of its own.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/core/this_task.hpp>
#include <wring/net/outbox.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
wring::task<> add_up(net::outbox& out, std::uint64_t last) {
  std::uint64_t sum = 0;
  for (std::uint64_t next = 1; next <= last; ++next) {
    sum += next;
    if (next % 10'000 == 0) co_await wring::yield();
  }
  out.post(fmt::format("{}\r\n", sum));
}

wring::task<> answer(net::stream_ref peer, wring::nursery& n) {
  net::reader in(peer);
  wring::framing::line_codec lines(in);
  net::outbox out(peer, n);
  wring::nursery work;
  auto converse = [&]() -> wring::task<> {
    while (const auto line = co_await lines.next()) {
      std::uint64_t last = 0;
      if (*line == "ping") {
        out.post("pong\r\n");
      } else if (line->starts_with("sum ")) {
        std::from_chars(line->data() + 4, line->data() + line->size(), last);
        work.start(add_up, std::ref(out), last);
      } else {
        out.post("what?\r\n");
      }
    }
    work.cancel();
  };
  co_await work.run(std::ref(converse));
}

wring::task<> serve_one(net::stream_ref peer) {
  co_await wring::with_nursery([&](wring::nursery& n) { return answer(peer, n); });
}

wring::task<> serve_sums(net::tcp_listen_options listen) {
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, serve_one, {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8000};
  examples::options options("Answers lines while it computes: with coroutines.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_sums, listen);
}
