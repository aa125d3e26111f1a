// SPDX-License-Identifier: MIT
//
// A server of lines whose clients turn TLS on and off while they are connected, as those of mail do.
//
//     $ starttls_demo --self-signed --port 2525
//     listening on 127.0.0.1:2525
//
//     $ openssl s_client -quiet -starttls pop3 -connect 127.0.0.1:2525
//     STATE
//     TLSv1.3
//
// The commands: STLS begins TLS (as in POP3, RFC 2595), PLAIN ends it, STATE tells, QUIT hangs up. When TLS has ended,
// the client waits for one more answer.
//
// `converse` is the protocol, over a stream of any kind; `attend` changes what it is over.

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/tls.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
namespace tls = wring::net::tls;
using wring::task;

enum class outcome { turn_on, turn_off, over };

/// Answers lines until the client wants TLS on, or off, or nothing more.
task<outcome> converse(net::stream_ref peer) {
  const bool secured = peer.security() != nullptr;
  net::reader in(peer);
  while (const auto line = co_await in.read_line()) {
    if (*line == "QUIT") {
      co_await peer.write_all("+OK goodbye\n");
      co_return outcome::over;
    }
    if (*line == "STATE") {
      const std::string state = secured ? std::string(peer.security()->protocol) + "\n" : "in plain\n";
      co_await peer.write_all(state);
    } else if (*line == (secured ? "PLAIN" : "STLS")) {
      // What was sent behind the command belongs to neither side of it. Without TLS anybody may have put it there.
      if (!in.buffered().empty()) {
        co_await peer.write_all("-ERR nothing may follow this command\n");
        co_return outcome::over;
      }
      co_await peer.write_all(secured ? "+OK end TLS\n" : "+OK begin TLS\n");
      co_return secured ? outcome::turn_off : outcome::turn_on;
    } else {
      co_await peer.write_all("-ERR what?\n");
    }
  }
  co_return outcome::over;
}

/// One client, with TLS and without.
task<> attend(net::any_stream peer, tls::server_context context) {
  co_await peer.write_all("+OK ready\n");
  for (;;) {
    const outcome in_plain = co_await converse(peer);
    if (in_plain == outcome::over) break;
    net::tls_stream secured = co_await tls::accept(context, std::move(peer));
    const outcome in_tls = co_await converse(secured);
    if (in_tls == outcome::over) {
      co_await secured.close();
      co_return;
    }
    auto below = co_await wring::with_timeout(std::chrono::seconds(10), [&] { return secured.unwrap(); });
    peer = std::move(below.stream);
    if (!below.received.empty()) {
      co_await peer.write_all("-ERR wait for the answer\n");
      break;
    }
    co_await peer.write_all("+OK in plain again\n");
  }
  co_await peer.close();
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 2525};
  net::serve_options serve{.grace = std::chrono::seconds(3)};
  std::optional<std::string> certificate;
  bool self_signed = false;
};

task<> serve_lines(settings chosen) {
  const tls::certificate own = chosen.self_signed
                                   ? tls::certificate::self_signed({"localhost", "127.0.0.1", "::1"})
                                   : tls::certificate::from_files(*chosen.certificate, *chosen.certificate);
  const tls::server_context context{tls::server_settings(own)};
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  const auto attend_one = [&](net::tcp_stream peer) { return attend(net::any_stream(std::move(peer)), context); };
  co_await net::serve(listener, attend_one, chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A server of lines whose clients turn TLS on and off while they are connected.");
  options.listen(chosen.listen);
  options.text("--cert", chosen.certificate, "the file of the certificate, its chain and its key");
  options.flag("--self-signed", chosen.self_signed, "makes a certificate for localhost, whose key is in memory alone");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  if (chosen.self_signed == chosen.certificate.has_value()) {
    fmt::print(stderr, "{}: give either --cert or --self-signed (see --help)\n", argv[0]);
    return 2;
  }
  return wring::run(serve_lines, chosen);
}
