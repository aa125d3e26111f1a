// SPDX-License-Identifier: MIT
//
// The web server of Twisted's documentation ("web in 60 seconds"): pages that are made at once, later, from a form, and
// for any name below a place. With callbacks; web_coroutine.cpp is the same with coroutines.

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/run.hpp>
#include <wring/http.hpp>
#include <wring/web.hpp>

#include "../options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace web = wring::web;

/// A greeting, to be asked for by name: "/hello/ann".
class greeting final : public web::resource {
 public:
  explicit greeting(std::string name) : name_(std::move(name)) {}
  web::rendered render_get(web::request&) override { return "hello " + name_ + "\n"; }

 private:
  std::string name_;
};

class greetings final : public web::resource {
 public:
  std::shared_ptr<web::resource> child(std::string_view segment, web::request&) override {
    return std::make_shared<greeting>(std::string(segment));
  }
};

/// Answers a form.
class form_page final : public web::resource {
 public:
  web::rendered render_post(web::request& rq) override {
    const auto said = rq.args("said");
    if (said.empty()) throw http::status_error(400, "the form has no field said");
    return "you said " + std::string(said.front()) + "\n";
  }
  std::string allowed_methods() const override { return "POST"; }
};

/// Takes its time.
class delayed_page final : public web::resource {
 public:
  explicit delayed_page(wring::duration delay) noexcept : delay_(delay) {}
  web::rendered render_get(web::request& rq) override {
    const auto held = rq.shared_from_this();
    const auto call = std::make_shared<wring::delayed_call>();
    *call = wring::call_later(delay_, [held] {
      held->write("sorry to keep you waiting\n");
      held->finish();
    });
    rq.notify_finish().add_errback([call](const wring::failure&) {
      if (call->active()) call->cancel();
      fmt::print("nobody waits any more\n");
      std::fflush(stdout);
    });
    return web::not_done_yet;
  }

 private:
  wring::duration delay_;
};

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  wring::duration delay = std::chrono::seconds(5);
};

wring::task<> serve(settings chosen) {
  const auto root = std::make_shared<web::resource>();
  root->put_child("", std::make_shared<web::data>("a page\n", "text/plain; charset=utf-8"));
  root->put_child("hello", std::make_shared<greetings>());
  root->put_child("form", std::make_shared<form_page>());
  root->put_child("later", std::make_shared<delayed_page>(chosen.delay));
  root->put_child("moved", std::make_shared<web::redirect>("/"));
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  const http::router routes = web::site(root);
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
