// SPDX-License-Identifier: MIT
//
// The web server of Twisted's documentation ("web in 60 seconds"): pages that are made at once, later, from a form, and
// for any name below a place. With coroutines; web_callbacks.cpp is the same with callbacks.

#include <chrono>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include <wring/core/run.hpp>
#include <wring/core/sleep.hpp>
#include <wring/http.hpp>

#include "../options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

task<> answer_form(http::request& rq, http::response& rs) {
  const http::form sent = co_await http::read_form(rq);
  rs.text("you said " + std::string(sent.get("said")) + "\n");
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  wring::duration delay = std::chrono::seconds(5);
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

task<> serve(settings chosen) {
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
  options.sample("curl http://127.0.0.1:8080/hello/ann");
  options.read(argc, argv);
  return wring::run([&] { return serve(chosen); });
}
