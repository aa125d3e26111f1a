// SPDX-License-Identifier: MIT
//
// A chat with rooms, in a browser: the page, and a WebSocket for each who has it open.
//
//     $ websocket_chat --port 8080
//     listening on 127.0.0.1:8080
//
// A browser sends {"name": ..., "room": ...} first, and then texts; it is sent lines of JSON, see page.

#include <cstddef>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <wring/websocket.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace ws = wring::ws;
using nlohmann::json;
using wring::task;

constexpr std::string_view page = R"(<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<style>
  body { font: 16px sans-serif; max-width: 40em; margin: 2em auto; }
  #lines { height: 20em; overflow-y: auto; border: 1px solid #ccc; padding: .5em; }
  .about { color: #777; }
</style>
<form id="enter"><input id="name" placeholder="name" required maxlength="32">
<input id="room" placeholder="room" value="lobby" required maxlength="32"> <button>come in</button></form>
<p id="present" class="about"></p>
<div id="lines"></div>
<form id="say"><input id="text" size="50" maxlength="1000" autocomplete="off"> <button>say</button></form>
<script>
  const at = (id) => document.getElementById(id);
  let socket = null;
  const show = (text, about) => {
    const line = document.createElement("div");
    line.textContent = text;
    if (about) line.className = "about";
    at("lines").append(line);
    at("lines").scrollTop = at("lines").scrollHeight;
  };
  at("enter").onsubmit = (e) => {
    e.preventDefault();
    if (socket) socket.close();
    const mine = socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/chat");
    at("lines").textContent = "";
    mine.onopen = () => mine.send(JSON.stringify({name: at("name").value, room: at("room").value}));
    mine.onmessage = (e) => {
      const m = JSON.parse(e.data);
      if (m.present) at("present").textContent = "here: " + m.present.join(", ");
      else show(m.from ? m.from + ": " + m.text : m.text, !m.from);
    };
    mine.onclose = (e) => { if (mine === socket) show("closed: " + e.code + " " + e.reason, true); };
  };
  at("say").onsubmit = (e) => {
    e.preventDefault();
    if (socket) socket.send(at("text").value);
    at("text").value = "";
  };
</script>
)";

constexpr std::size_t longest_name = 32;
constexpr std::size_t most_rooms = 1000;

/// Empty if there is none.
std::string text_of(const json& object, const char* key) {
  const auto at = object.is_object() ? object.find(key) : object.end();
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

struct room {
  ws::topic members;
  std::multimap<std::string, const ws::socket*> names;
  std::deque<ws::prepared> history;
};

class house {
 public:
  explicit house(std::size_t history) noexcept : history_(history) {}

  /// Until they go. The first message names them and their room.
  task<> visit(ws::socket& socket) {
    std::string name;
    std::string where;
    {
      const auto first = co_await wring::with_timeout(std::chrono::seconds(10), socket.receive());
      if (!first) co_return;
      const json asked = json::parse(first->text(), nullptr, false);
      name = text_of(asked, "name");
      where = text_of(asked, "room");
    }
    if (name.empty() || where.empty() || name.size() > longest_name || where.size() > longest_name ||
        (!rooms_.contains(where) && rooms_.size() == most_rooms)) {
      co_await socket.close(ws::close_code::policy, "the first message names you and a room");
      co_return;
    }
    stay here(*this, where, name, socket);
    while (const auto message = co_await socket.receive()) {
      if (message->is_text()) here.of.say(name, message->text(), history_);
    }
  }

 private:
  struct shared_room : room {
    void tell(const json& what, bool kept, std::size_t most) {
      const ws::prepared message(what.dump());
      members.publish(message);
      if (!kept) return;
      history.push_back(message);
      while (history.size() > most) history.pop_front();
    }
    void say(const std::string& from, std::string_view text, std::size_t most) {
      tell({{"from", from}, {"text", text}}, true, most);
    }
    void show_present() {
      json all = json::array();
      for (const auto& [name, who] : names) all.push_back(name);
      tell({{"present", all}}, false, 0);
    }
  };

  /// While somebody is in a room, however that ends.
  struct stay {
    stay(house& h, const std::string& where, const std::string& name, ws::socket& socket)
        : home(h), place(where), of(h.rooms_[where]), mine(of.names.emplace(name, &socket)), who(socket) {
      for (const ws::prepared& old : of.history) socket.post(old);
      of.tell({{"text", name + " comes in"}}, false, 0);
      of.members.subscribe(socket);
      of.show_present();
    }
    stay(const stay&) = delete;
    stay& operator=(const stay&) = delete;
    ~stay() {
      const std::string name = mine->first;
      of.members.unsubscribe(who);
      of.names.erase(mine);
      if (of.names.empty()) {
        home.rooms_.erase(place);  // with what was said there
      } else {
        of.tell({{"text", name + " leaves"}}, false, 0);
        of.show_present();
      }
    }

    house& home;
    std::string place;
    shared_room& of;
    std::multimap<std::string, const ws::socket*>::iterator mine;
    ws::socket& who;
  };

  std::map<std::string, shared_room> rooms_;
  std::size_t history_;
};

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::size_t history = 20;
  std::size_t waiting = std::size_t{64} * 1024;
};

task<> serve(settings chosen) {
  house all(chosen.history);
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) { rs.html(page); });
  routes.get("/chat",
             ws::handler([&](ws::socket& s) { return all.visit(s); }, {.max_message = 4096, .outbox = chosen.waiting}));
  http::server server(routes);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A chat with rooms, in a browser. Open the address that it listens on.");
  options.listen(chosen.listen);
  options.count("--history", chosen.history, "how many messages of a room are shown to who comes in");
  options.size("--waiting", chosen.waiting, "how much may wait for a slow member, who is closed with 1008 beyond it");
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
