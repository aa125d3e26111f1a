// SPDX-License-Identifier: MIT
//
// A guestbook: a page with a form, visitors who are known by a session, and forms that no other site can send.
//
//     $ guestbook --port 8080
//     listening on 127.0.0.1:8080
//
//     $ curl -c jar http://127.0.0.1:8080/
//     $ curl -b jar -d 'token=TOKEN-OF-THE-PAGE' -d 'name=Ann' -d 'text=Hello' http://127.0.0.1:8080/entries

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using wring::task;

/// Text as a part of a page.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct entry {
  std::string name;
  std::string text;
};

/// The newest entries. Belongs to the scheduler.
class book {
 public:
  explicit book(std::size_t most) : most_(most) {}

  void show(http::request& rq, http::response& rs) const {
    auto& visitor = rq.get<http::session>();
    const std::string token = visitor.csrf_token();
    const std::string name = visitor.get("name").value_or("");
    std::string page = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Guestbook</title></head>\n"
        "<body><h1>Guestbook</h1>\n<form method=\"post\" action=\"/entries\">\n"
        "<input type=\"hidden\" name=\"token\" value=\"{}\">\n"
        "<input name=\"name\" placeholder=\"Your name\" maxlength=\"60\" required value=\"{}\">\n"
        "<input name=\"text\" placeholder=\"What you think\" maxlength=\"500\" required>\n"
        "<button>Sign</button>\n</form>\n<ul>\n",
        token, escaped(name));
    for (const entry& e : entries_) page += fmt::format("<li><b>{}</b>: {}</li>\n", escaped(e.name), escaped(e.text));
    page += "</ul>\n</body></html>\n";
    rs.header("Content-Security-Policy", "default-src 'none'; form-action 'self'");
    rs.body(std::move(page), "text/html; charset=utf-8");
  }

  task<> sign(http::request& rq, http::response& rs) {
    const http::form sent = co_await http::read_form(rq, {.bytes = 8192, .fields = 8});
    auto& visitor = rq.get<http::session>();
    visitor.check_csrf_token(sent.get("token"));
    const std::string_view name = sent.get("name");
    const std::string_view text = sent.get("text");
    if (name.empty() || name.size() > 240 || text.empty() || text.size() > 2000) {
      throw http::status_error(400, "a name and a text of at most 60 and 500 characters, please");
    }
    visitor.set("name", name);
    entries_.push_front({std::string(name), std::string(text)});
    if (entries_.size() > most_) entries_.pop_back();
    // Loading the page again must not send the form again.
    rs.redirect("/");
  }

 private:
  std::deque<entry> entries_;
  std::size_t most_;
};

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::size_t most = 100;
};

task<> serve(settings chosen, http::session_store& visitors) {
  book entries(chosen.most);
  http::router routes;
  routes.use(http::sessions(visitors));
  routes.get("/", [&](http::request& rq, http::response& rs) { entries.show(rq, rs); });
  routes.post("/entries", [&](http::request& rq, http::response& rs) { return entries.sign(rq, rs); });
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  http::server server(routes);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A guestbook: a page with a form, for visitors who are known by a session.");
  options.listen(chosen.listen);
  options.count("--most", chosen.most, "entries that are kept; the oldest make room", 1, 10'000);
  options.sample("curl -c jar http://127.0.0.1:8080/");
  options.sample(
      "curl -b jar -d 'token=TOKEN-OF-THE-PAGE' -d 'name=Ann' -d 'text=Hello' http://127.0.0.1:8080/entries");
  options.read(argc, argv);
  http::session_store visitors;
  return wring::run([&] { return serve(chosen, visitors); });
}
