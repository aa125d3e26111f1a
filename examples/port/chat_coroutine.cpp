// SPDX-License-Identifier: MIT
//
// The chat of Twisted's howto: who connects gives a name, and then talks to the others. With coroutines;
// chat_callbacks.cpp is the same with callbacks.
//
// What comes next is what stands next: the state is the place in `visit`.

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/net/outbox.hpp>
#include <wring/net/serve.hpp>
#include <wring/protocols/framing/frame_codec.hpp>

#include "../options.hpp"

namespace {

namespace net = wring::net;
namespace framing = wring::framing;
using wring::task;

using people = std::map<std::string, net::outbox*, std::less<>>;

/// In the chat under a name, as long as it exists.
class presence {
 public:
  presence(people& everybody, std::string_view wanted, net::outbox& out) : everybody_(everybody) {
    const auto [place, is_free] = everybody.try_emplace(std::string(wanted), &out);
    if (is_free) name = wanted;
  }
  presence(const presence&) = delete;
  presence& operator=(const presence&) = delete;
  ~presence() {
    if (!name.empty()) everybody_.erase(name);
  }

  std::string name;  ///< empty: it is somebody else's

 private:
  people& everybody_;
};

task<> talk(people& everybody, std::string_view name, net::outbox& own, framing::line_codec& lines) {
  while (const auto line = co_await lines.next()) {
    for (const auto& [other, out] : everybody) {
      if (out != &own) out->post(fmt::format("<{}> {}\r\n", name, *line));
    }
  }
}

task<> visit(people& everybody, net::stream_ref peer, wring::nursery& n) {
  net::reader in(peer);
  framing::line_codec lines(in);
  net::outbox out(peer, n, {.limit = 65536, .overflow = net::outbox_overflow::abort});
  out.post("What's your name?\r\n");
  while (const auto wanted = co_await lines.next()) {
    const presence here(everybody, *wanted, out);
    if (wanted->empty() || here.name.empty()) {
      out.post("Name taken, please choose another.\r\n");
      continue;
    }
    out.post(fmt::format("Welcome, {}!\r\n", here.name));
    co_return co_await talk(everybody, here.name, out, lines);
  }
}

/// What serves one connection.
struct visits {
  people* everybody;
  task<> operator()(net::stream_ref peer) const {
    people& others = *everybody;
    co_await wring::with_nursery([&](wring::nursery& n) { return visit(others, peer, n); });
  }
};

task<> serve_chat(net::tcp_listen_options listen) {
  people everybody;
  auto listener = co_await net::listen_tcp(listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await net::serve(listener, visits{&everybody}, {.grace = std::chrono::seconds(0)});
}

}  // namespace

int main(int argc, char** argv) {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8123};
  examples::options options("A chat for those who give a name: with coroutines.");
  options.listen(listen);
  options.read(argc, argv);
  return wring::run(serve_chat, listen);
}
