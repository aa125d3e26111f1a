// SPDX-License-Identifier: MIT
//
// The web server of Twisted's documentation ("web in 60 seconds"): pages that are made at once, later, from a form, and
// for any name below a place; a directory, a page behind a password, and another server, as a part of this one and as
// one that is asked. With coroutines; web_callbacks.cpp is the same with callbacks.

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/sleep.hpp>
#include <wring/http.hpp>
#include <wring/net/files/directory.hpp>
#include <wring/protocols/http/web/digest_auth.hpp>

#include "../options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace web = wring::web;
using wring::task;

task<> answer_form(http::request& rq, http::response& rs) {
  const http::form sent = co_await http::read_form(rq);
  rs.text("you said " + std::string(sent.get("said")) + "\n");
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  wring::duration delay = std::chrono::seconds(5);
  std::optional<std::string> files;
  std::optional<std::string> other;
  std::optional<std::string> user;
  bool md5 = false;
};

/// Says so when a client goes before it has its answer.
struct patience {
  bool over = false;
  ~patience() {
    if (over) return;
    fmt::print("nobody waits any more\n");
    std::fflush(stdout);
  }
};

/// A page for those who know the password.
void guard(http::router& routes, const http::seal_keys& keys, const settings& chosen) {
  const std::size_t colon = chosen.user->find(':');
  const auto password_of = [name = chosen.user->substr(0, colon), password = chosen.user->substr(colon + 1)](
                               std::string_view given) -> std::optional<std::string> {
    if (given != name) return std::nullopt;
    return password;
  };
  std::vector<web::digest_algorithm> algorithms{web::digest_algorithm::sha256, web::digest_algorithm::md5};
  if (chosen.md5) algorithms = {web::digest_algorithm::md5};
  routes.use(web::digest_auth("the secret page", keys, password_of, algorithms));
  routes.get("/secret", [](http::request&, http::response& rs) { rs.text("a secret\n"); });
}

task<> serve(settings chosen) {
  http::client client;
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) { rs.text("a page\n"); });
  routes.get("/hello/{name}", [](http::request& rq, http::response& rs) {
    rs.body("hello " + std::string(rq.param("name")) + "\n", "text/html");
  });
  routes.post("/form", answer_form);
  routes.get("/later", [&](http::request&, http::response& rs) -> task<> {
    patience here;
    co_await wring::sleep_for(chosen.delay);
    here.over = true;
    rs.text("sorry to keep you waiting\n");
  });
  routes.get("/moved", [](http::request&, http::response& rs) { rs.redirect("/", 302); });
  if (chosen.files) {
    auto shown = co_await net::open_directory(*chosen.files);
    routes.get("/files/{path...}", http::static_files(std::move(shown), {.list = true}));
  }
  http::forward_hooks hooks;
  if (chosen.other) {
    hooks.path = [](const http::request& rq) { return std::string(http::path_behind(rq.path(), 1)); };
    routes.any("/other/{rest...}", [&](http::request& rq, http::response& rs) -> task<> {
      co_await client.forward(rq, rs, *chosen.other, hooks);
    });
    routes.get("/fetched", [&](http::request&, http::response& rs) -> task<> {
      try {
        http::client_response page = co_await client.get(*chosen.other);
        const std::string text = co_await page.text();
        rs.text("they say: " + text);
      } catch (const wring::io_error& e) {
        throw http::status_error(502, e.what());
      }
    });
  }
  const http::seal_keys keys{"a secret of this program alone, which it would read from a file"};
  if (chosen.user) guard(routes, keys, chosen);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  http::server server(routes, {.grace = std::chrono::seconds(0)});
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Pages that are made at once, later, from a form, and for any name below a place.");
  options.listen(chosen.listen);
  options.time("--delay", chosen.delay, "how long /later takes");
  options.text("--files", chosen.files, "a directory to show as /files/");
  options.text("--other", chosen.other, "the URL of a server: /other/ is what it answers, /fetched what it says");
  options.text("--user", chosen.user, "NAME:PASSWORD, who may see /secret");
  options.flag("--md5", chosen.md5, "offers clients MD5 alone to prove the password with, not SHA-256");
  options.sample("curl http://127.0.0.1:8080/hello/ann");
  options.read(argc, argv);
  return wring::run([&] { return serve(chosen); });
}
