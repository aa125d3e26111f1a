// SPDX-License-Identifier: MIT
//
// Gives everybody who connects a shell on a terminal of its own.
//
//     $ shell_over_tcp --port 7000
//     listening on 127.0.0.1:7000
//     $ socat -,raw,echo=0 tcp:127.0.0.1:7000
//
// Whoever can connect can do what the user of this program can, and nothing is encrypted. So it listens on loopback
// addresses, or on a Unix socket that is the user's alone; other addresses need `--insecure`. On a host with other
// users prefer the Unix socket, as they can connect to a loopback address too.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4};
  std::optional<std::string> socket;
  std::string shell = "/bin/sh";
  bool insecure = false;
  net::serve_options serve;
};

/// What is typed goes to the terminal. When the client leaves, the shell is hung up, as by a modem.
task<> type(net::stream_ref client, net::process& shell) {
  static_cast<void>(co_await net::copy(client, shell.terminal()));
  shell.signal_group(SIGHUP);
}

/// One client, from its arrival until the shell has ended, and everything that was shown has been sent.
task<> give_shell(const settings& chosen, net::stream_ref client) {
  net::command what(chosen.shell);
  what.terminal().when_abandoned({.grace = std::chrono::seconds(1)});
  net::process shell = co_await net::spawn(what);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    wring::child_handle typing = n.start(type, client, std::ref(shell));
    const auto shown = co_await net::copy(shell.terminal(), client);
    if (!shown) shell.signal_group(SIGHUP);
    typing.cancel();
  });
  static_cast<void>(co_await client.shut_down_write().result());
  co_await shell.end(std::chrono::seconds(1));
}

void say_where(const net::socket_address& address) {
  fmt::print("listening on {}\n", address);
  std::fflush(stdout);
}

task<> serve_shells(settings chosen) {
  auto give = [&](auto peer) -> task<> { co_await give_shell(chosen, peer); };
  if (chosen.socket) {
    auto listener = co_await net::listen_unix(*chosen.socket, {.mode = 0600});
    say_where(listener.local_address());
    co_await net::serve(listener, std::ref(give), chosen.serve);
    co_return;
  }
  if (!chosen.listen.address.is_loopback() && !chosen.insecure) {
    throw std::runtime_error(fmt::format(
        "{}: everybody who can connect would get a shell; if that is right, say --insecure", chosen.listen.address));
  }
  auto listener = co_await net::listen_tcp(chosen.listen);
  say_where(listener.local_address());
  co_await net::serve(listener, std::ref(give), chosen.serve);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options(
      "Gives everybody who connects a shell on a terminal of its own. Nothing is encrypted, and nobody is asked for a "
      "password: it is for this host.");
  options.listen(chosen.listen);
  options.text("--socket", chosen.socket, "listen on a Unix socket of this path, for this user alone");
  options.text("--shell", chosen.shell, "the program that is run");
  options.flag("--insecure", chosen.insecure, "listen on addresses that others can reach, too");
  options.time("--grace", chosen.serve.grace, "how long connections may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  return wring::run(serve_shells, chosen);
}
