// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <wring/core/sleep.hpp>
#include <wring/protocols/http/router.hpp>

namespace wring::tests {

/// "/" says hello, "/echo" sends the body back, "/slow" takes 10 s, "/ignore" reads nothing, "/fail" throws.
inline http::router site() {
  http::router r;
  r.get("/", [](http::request&, http::response& rs) { rs.text("hello\n"); });
  r.post("/echo", [](http::request& rq, http::response& rs) -> task<> {
    std::string all = co_await rq.body().text();
    rs.body(std::move(all), "text/plain");
  });
  r.any("/slow", [](http::request&, http::response& rs) -> task<> {
    co_await sleep_for(std::chrono::seconds(10));
    rs.text("slow\n");
  });
  r.post("/ignore", [](http::request&, http::response& rs) { rs.text("ignored\n"); });
  r.get("/fail", [](http::request&, http::response&) { throw std::runtime_error("secret"); });
  return r;
}

inline const std::string hello = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string hello_answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\nhello\n";

inline std::string post(std::string_view path, std::string_view body, std::string_view more = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more) + "\r\n" + std::string(body);
}
inline const std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace wring::tests
