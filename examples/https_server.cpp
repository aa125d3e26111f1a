// SPDX-License-Identifier: MIT
//
// A small web server over TLS: says how it is spoken to, and sends back what it is sent.
//
//     $ https_server --self-signed --port 8443
//     listening on 127.0.0.1:8443
//     the key's digest is sha256//DpaLHErcA4AQyXwO3pwgbmUmJYmUXCnFAxcNdOyXXWw=
//
//     $ curl --insecure --pinnedpubkey sha256//DpaL...= https://127.0.0.1:8443/
//     hello, over TLSv1.3
//
// With --self-signed it makes a certificate, whose key is in memory alone. With --keep too it writes both to a file
// that nobody else may read, and uses that the next time. With --cert it presents one of yours, and reads it again when
// it gets SIGHUP.

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/tls.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace tls = wring::net::tls;
using wring::task;

void greet(http::request& rq, http::response& rs) {
  const net::stream_security* const how = rq.peer().security;
  rs.text(fmt::format("hello, over {}\n", how != nullptr ? how->protocol : "nothing"));
}

task<> echo(http::request& rq, http::response& rs) {
  if (const auto length = rq.body().length()) rs.content_length(*length);
  const auto copied = co_await net::copy(rq.body(), rs);
  copied.value();
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8443};
  http::server_limits limits;
  std::optional<std::string> certificate;
  std::optional<std::string> key;
  std::optional<std::string> kept;
  bool self_signed = false;
};

tls::certificate read_files(const settings& chosen) {
  return tls::certificate::from_files(*chosen.certificate, chosen.key ? *chosen.key : *chosen.certificate);
}

/// The certificate of the command line, the one that was kept, or a new one, which is kept if it is to be.
task<tls::certificate> own_certificate(const settings& chosen) {
  if (chosen.certificate) co_return read_files(chosen);
  if (chosen.kept && std::filesystem::exists(*chosen.kept)) {
    co_return tls::certificate::from_files(*chosen.kept, *chosen.kept);
  }
  tls::certificate made = tls::certificate::self_signed({"localhost", "127.0.0.1", "::1"});
  if (chosen.kept) {
    const std::string folder = std::filesystem::absolute(*chosen.kept).parent_path();
    net::temporary_file file = co_await net::create_temporary_file(folder, 0600);
    const std::string content = made.pem() + made.key_pem();
    co_await file.content().write_all(content);
    co_await file.keep(*chosen.kept);
  }
  co_return std::move(made);
}

/// Replaces the certificate whenever SIGHUP comes.
task<> reload(tls::server_context context, const settings& chosen) {
  wring::signals hang_ups({SIGHUP});
  for (;;) {
    co_await hang_ups.next();
    try {
      context.replace(tls::server_settings(read_files(chosen)).protocols({"http/1.1"}));
      wring::log::info("the certificate was read again");
    } catch (const wring::io_error& e) {
      wring::log::error("the certificate stays as it is", {"error", e.what()});
    }
  }
}

/// As curl and browsers write it.
std::string base64(const tls::key_digest& digest) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < digest.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t j = i; j != i + 3; ++j) {
      bits = bits << 8 | (j < digest.size() ? std::to_integer<unsigned>(digest[j]) : 0U);
    }
    for (const unsigned shift : {18U, 12U, 6U, 0U}) text += letters[bits >> shift & 63U];
  }
  text.back() = '=';  // 32 bytes leave one of three places empty
  return text;
}

task<> serve(settings chosen) {
  const tls::certificate own = co_await own_certificate(chosen);
  const tls::server_context context(tls::server_settings(own).protocols({"http/1.1"}));
  http::router routes;
  routes.get("/", greet);
  routes.post("/echo", echo);
  http::server server(routes, chosen.limits);
  auto secured = co_await net::listen_tls(context, chosen.listen);
  net::any_listener listener(std::move(secured));
  fmt::print("listening on {}\n", listener.local_address());
  fmt::print("the key's digest is sha256//{}\n", base64(own.digest()));
  std::fflush(stdout);
  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    if (!chosen.self_signed) n.start(reload, context, std::cref(chosen));
    co_await server.run(listener);
    n.cancel();
  });
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A small web server over TLS.");
  options.listen(chosen.listen);
  options.text("--cert", chosen.certificate, "the file of the certificate and its chain");
  options.text("--key", chosen.key, "the file of the key; where it is not given, it is in that of the certificate");
  options.flag("--self-signed", chosen.self_signed, "makes a certificate for localhost, whose key is in memory alone");
  options.text("--keep", chosen.kept, "the file for what --self-signed makes, with its key: for you alone to read");
  options.time("--grace", chosen.limits.grace, "how long requests may continue after SIGINT or SIGTERM");
  options.read(argc, argv);
  if (chosen.self_signed == chosen.certificate.has_value() || (chosen.kept && !chosen.self_signed)) {
    fmt::print(stderr, "{}: give either --cert or --self-signed (see --help)\n", argv[0]);
    return 2;
  }
  return wring::run(serve, chosen);
}
