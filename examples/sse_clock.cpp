// SPDX-License-Identifier: MIT
//
// Shows the time in a browser, and how many watch: a page, and events that the server sends it.
//
//     $ sse_clock --port 8080
//     listening on 127.0.0.1:8080
//
//     $ curl -N http://127.0.0.1:8080/events

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

constexpr std::string_view page = R"(<!doctype html>
<meta charset="utf-8">
<title>clock</title>
<h1 id="time"></h1>
<p><span id="watching"></span> watching</p>
<script>
  const events = new EventSource("events");
  events.onmessage = (e) => document.getElementById("time").textContent = e.data;
  events.addEventListener("watching", (e) => document.getElementById("watching").textContent = e.data);
</script>
)";

/// The pages that are open. Belongs to the scheduler.
struct audience {
  std::size_t watching = 0;
};

/// Counts a page while its handler runs, however that ends.
struct seat {
  explicit seat(audience& a) noexcept : all(a) { ++all.watching; }
  seat(const seat&) = delete;
  seat& operator=(const seat&) = delete;
  ~seat() { --all.watching; }

  audience& all;
};

/// Until the client has gone, or the program is asked to stop.
task<> send_events(audience& all, wring::duration every, http::response& rs) {
  const seat here(all);
  http::event_stream events(rs);
  std::size_t shown = 0;
  for (std::uint64_t number = 1;; ++number) {
    if (shown != all.watching) {
      shown = all.watching;
      const std::string count = std::to_string(shown);
      co_await events.send("watching", count);
    }
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const std::string time = fmt::format("{:%H:%M:%S}", now);
    const std::string id = std::to_string(number);
    co_await events.send({}, time, id);
    const bool goes_on = co_await wring::until_stopping(wring::sleep_for(every));
    if (!goes_on) co_return;
  }
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  wring::duration every = std::chrono::seconds(1);
};

task<> serve(settings chosen) {
  audience all;
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) { rs.html(page); });
  routes.get("/events", [&](http::request&, http::response& rs) { return send_events(all, chosen.every, rs); });
  http::server server(routes);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Shows the time in a browser, by events that the server sends.");
  options.listen(chosen.listen);
  options.time("--every", chosen.every, "how often the time is sent", std::chrono::milliseconds(10));
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
