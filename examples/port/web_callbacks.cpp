// SPDX-License-Identifier: MIT
//
// The web server of Twisted's documentation ("web in 60 seconds"): pages that are made at once, later, from a form, and
// for any name below a place; a directory, a page behind a password, and another server, as a part of this one and as
// one that is asked. With callbacks; web_coroutine.cpp is the same with coroutines.

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/run.hpp>
#include <wring/http.hpp>
#include <wring/net/files/directory.hpp>
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

/// What another server says, which is asked for each visitor.
class fetched_page final : public web::resource {
 public:
  fetched_page(web::agent agent, std::string url) : agent_(agent), url_(std::move(url)) {}
  web::rendered render_get(web::request& rq) override {
    const auto held = rq.shared_from_this();
    return agent_.request({"GET", url_})
        .add_callback([](std::shared_ptr<web::client_response> rs) { return web::read_body(rs); })
        .add_callback([held](std::string page) { held->write("they say: " + page); })
        .add_errback([](const wring::failure& why) { throw http::status_error(502, why.message()); });
  }

 private:
  web::agent agent_;
  std::string url_;
};

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  wring::duration delay = std::chrono::seconds(5);
  std::optional<std::string> files;
  std::optional<std::string> other;
  std::optional<std::string> user;
  bool md5 = false;
};

/// A tree with one page, for those who know the password.
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
  const auto root = std::make_shared<web::resource>();
  root->put_child("secret", std::make_shared<web::data>("a secret\n", "text/plain; charset=utf-8"));
  routes.any("/secret", web::tree(root));
}

wring::task<> serve(wring::nursery& n, settings chosen) {
  http::client client;
  const auto root = std::make_shared<web::resource>();
  root->put_child("", std::make_shared<web::data>("a page\n", "text/plain; charset=utf-8"));
  root->put_child("hello", std::make_shared<greetings>());
  root->put_child("form", std::make_shared<form_page>());
  root->put_child("later", std::make_shared<delayed_page>(chosen.delay));
  root->put_child("moved", std::make_shared<web::redirect>("/"));
  if (chosen.files) {
    auto shown = co_await net::open_directory(*chosen.files);
    root->put_child("files", std::make_shared<web::file>(http::static_files(std::move(shown), {.list = true})));
  }
  if (chosen.other) {
    root->put_child("other", std::make_shared<web::reverse_proxy_resource>(client, *chosen.other));
    root->put_child("fetched", std::make_shared<fetched_page>(web::agent(client, n), *chosen.other));
  }
  const http::seal_keys keys{"a secret of this program alone, which it would read from a file"};
  http::router routes;
  routes.fallback(web::tree(root));
  if (chosen.user) guard(routes, keys, chosen);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  http::server server(routes, {.grace = std::chrono::seconds(0)});
  co_await server.run(listener);
  n.cancel();
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
  return wring::run([&] { return wring::with_nursery([&](wring::nursery& n) { return serve(n, chosen); }); });
}
