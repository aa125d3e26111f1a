// SPDX-License-Identifier: MIT
//
// Sends back every frame: lines, netstrings, and strings behind a length of 8, 16 or 32 bits, each at a port of its
// own.
//
//     $ framing_server --line 7001 --netstring 7002
//     listening on 127.0.0.1:7001 (line)
//     listening on 127.0.0.1:7002 (netstring)
//
// The same server twice: with coroutines, `echo_frames`, and with --callbacks in classes whose functions are called, of
// which `echo` is all.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/callback.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
namespace framing = wring::framing;
using wring::task;

enum class kind : std::uint8_t { line, netstring, int8, int16, int32 };
constexpr std::array<const char*, 5> kind_names = {"line", "netstring", "int8", "int16", "int32"};

framing::int_width width_of(kind k) {
  return k == kind::int8    ? framing::int_width::int8
         : k == kind::int16 ? framing::int_width::int16
                            : framing::int_width::int32;
}

// --- With coroutines ---

/// One connection, until its end. What is no frame, or one that is too long, fails it: `serve` logs that.
task<> echo_frames(framing::frame_codec& frames) {
  while (const auto frame = co_await frames.next()) co_await frames.send(*frame);
}

task<> answer(net::stream_ref peer, kind k, std::size_t limit) {
  net::reader in(peer);
  if (k == kind::line) {
    framing::line_codec lines(in, {.limit = limit});
    co_await echo_frames(lines);
  } else if (k == kind::netstring) {
    framing::netstring_codec strings(in, limit);
    co_await echo_frames(strings);
  } else {
    framing::int_string_codec strings(in, width_of(k), limit);
    co_await echo_frames(strings);
  }
}

// --- With callbacks ---

class line_echo final : public framing::line_receiver {
 public:
  using line_receiver::line_receiver;
  void line_received(std::string_view line) override { send_line(line); }
};

template <class Receiver>
class echo final : public Receiver {
 public:
  using Receiver::Receiver;
  void string_received(std::string_view text) override { this->send_string(text); }
};

std::shared_ptr<net::factory> make_factory(kind k, std::size_t limit) {
  switch (k) {
    case kind::line:
      return net::factory::for_protocol<line_echo>(framing::line_options{.limit = limit});
    case kind::netstring:
      return net::factory::for_protocol<echo<framing::netstring_receiver>>(limit);
    case kind::int8:
      return net::factory::for_protocol<echo<framing::int8_string_receiver>>(limit);
    case kind::int16:
      return net::factory::for_protocol<echo<framing::int16_string_receiver>>(limit);
    case kind::int32:
      break;
  }
  return net::factory::for_protocol<echo<framing::int32_string_receiver>>(limit);
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::ip_address host = net::ip_address::loopback_v4;
  std::array<std::optional<std::uint16_t>, kind_names.size()> ports;
  std::size_t max_length = 16384;
  net::serve_options serve{.grace = std::chrono::seconds(3)};
  bool callbacks = false;
};

/// What serves one connection: is copied, and may be destroyed at any time.
struct frame_handler {
  kind k;
  std::size_t limit;
  task<> operator()(net::stream_ref peer) const { return answer(peer, k, limit); }
};

task<> serve_kind(kind k, net::tcp_listener listener, const settings& chosen) {
  if (chosen.callbacks) {
    const std::shared_ptr<net::factory> factory = make_factory(k, chosen.max_length);
    co_await net::serve(listener, net::protocol_handler(*factory), chosen.serve);
  } else {
    co_await net::serve(listener, frame_handler{k, chosen.max_length}, chosen.serve);
  }
}

task<> serve_all(settings chosen) {
  if (std::ranges::none_of(chosen.ports, [](const auto& port) { return port.has_value(); })) chosen.ports[0] = 7000;
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    for (std::size_t i = 0; i != chosen.ports.size(); ++i) {
      if (!chosen.ports[i]) continue;
      auto listener = co_await net::listen_tcp({.address = chosen.host, .port = *chosen.ports[i]});
      fmt::print("listening on {} ({})\n", listener.local_address(), kind_names[i]);
      n.start(serve_kind, static_cast<kind>(i), std::move(listener), std::cref(chosen));
    }
    std::fflush(stdout);
  });
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Sends back every frame it is sent.");
  options.address("--host", chosen.host, "the address to listen on");
  options.port("--line", chosen.ports[0], "the port for lines that end in CR LF (7000 if no port is given)");
  options.port("--netstring", chosen.ports[1], "the port for netstrings");
  options.port("--int8", chosen.ports[2], "the port for strings behind a length of 8 bits");
  options.port("--int16", chosen.ports[3], "the port for strings behind a length of 16 bits");
  options.port("--int32", chosen.ports[4], "the port for strings behind a length of 32 bits");
  options.size("--max-length", chosen.max_length, "the longest frame, without what is around it", 1);
  options.flag("--callbacks", chosen.callbacks, "serve with the callback classes");
  options.time("--grace", chosen.serve.grace, "how long connections may continue when the server is asked to stop");
  options.read(argc, argv);
  return wring::run(serve_all, chosen);
}
#endif
