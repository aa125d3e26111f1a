// SPDX-License-Identifier: MIT
//
// A list of things to do, kept in memory, as JSON over HTTP; and a page that shows it.
//
//     $ rest_todo --port 8080
//     listening on 127.0.0.1:8080
//
//     $ curl -d '{"title": "buy milk"}' http://127.0.0.1:8080/todos
//     {"done":false,"id":1,"title":"buy milk"}
//     $ curl http://127.0.0.1:8080/todos
//     $ curl -X PATCH -d '{"done": true}' http://127.0.0.1:8080/todos/1
//     $ curl -X DELETE http://127.0.0.1:8080/todos/1

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
using nlohmann::json;
using wring::task;

constexpr std::string_view page = R"(<!doctype html>
<meta charset="utf-8">
<title>to do</title>
<h1>To do</h1>
<form><input id="title" placeholder="what?" maxlength="200" required> <button>Add</button></form>
<ul id="list"></ul>
<script>
  const send = (method, path, body) => fetch(path, {method, body: body && JSON.stringify(body)});
  const show = async () => {
    const items = await (await fetch("todos")).json();
    list.replaceChildren(...items.map((item) => {
      const line = document.createElement("li");
      const done = Object.assign(document.createElement("input"), {type: "checkbox", checked: item.done});
      done.onchange = async () => { await send("PATCH", "todos/" + item.id, {done: done.checked}); show(); };
      const gone = Object.assign(document.createElement("button"), {textContent: "remove"});
      gone.onclick = async () => { await send("DELETE", "todos/" + item.id); show(); };
      line.append(done, " ", item.title, " ", gone);
      return line;
    }));
  };
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    await send("POST", "todos", {title: title.value});
    title.value = "";
    show();
  };
  show();
</script>
)";

struct todo {
  std::string title;
  bool done = false;
};

constexpr std::size_t longest_title = 200;

/// Belongs to the scheduler.
class todo_list {
 public:
  explicit todo_list(std::size_t most) noexcept : most_(most) {}

  [[nodiscard]] json all() const {
    json list = json::array();
    for (const auto& [id, item] : items_) list.push_back(shown(id, item));
    return list;
  }
  std::uint64_t add(todo item) {
    if (items_.size() == most_) throw http::status_error(507, "the list is full: remove something");
    items_.emplace(++last_, std::move(item));
    return last_;
  }
  /// Throws 404 if there is none.
  [[nodiscard]] todo& at(std::uint64_t id) {
    const auto found = items_.find(id);
    if (found == items_.end()) throw http::status_error(404);
    return found->second;
  }
  void remove(std::uint64_t id) {
    if (items_.erase(id) == 0) throw http::status_error(404);
  }
  [[nodiscard]] static json shown(std::uint64_t id, const todo& item) {
    return {{"id", id}, {"title", item.title}, {"done", item.done}};
  }

 private:
  std::map<std::uint64_t, todo> items_;
  std::size_t most_;
  std::uint64_t last_ = 0;
};

std::uint64_t id_of(const http::request& rq) {
  const std::string_view text = rq.param("id");
  std::uint64_t id = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (fault != std::errc() || end != text.data() + text.size()) throw http::status_error(404);
  return id;
}

/// Changes `item` as the client says.
task<> read_change(http::request& rq, todo& item) {
  constexpr std::size_t longest = std::size_t{16} * 1024;
  const std::string text = co_await rq.body().text(longest);
  const json sent = json::parse(text, nullptr, false);
  if (!sent.is_object()) throw http::status_error(400, "the body is no JSON object");
  for (const auto& [name, value] : sent.items()) {
    if (name == "title" && value.is_string()) {
      item.title = value.get<std::string>();
    } else if (name == "done" && value.is_boolean()) {
      item.done = value.get<bool>();
    } else {
      throw http::status_error(422, R"(an item has a "title", which is a text, and "done", true or false)");
    }
  }
  if (item.title.empty() || item.title.size() > longest_title) {
    throw http::status_error(422, "a title has 1 to 200 bytes");
  }
}

http::router routes_of(todo_list& todos) {
  http::router routes;
  routes.get("/", [](http::request&, http::response& rs) { rs.html(page); });
  routes.get("/todos", [&](http::request&, http::response& rs) { rs.json(todos.all().dump()); });
  routes.post("/todos", [&](http::request& rq, http::response& rs) -> task<> {
    todo item;
    co_await read_change(rq, item);
    const std::uint64_t id = todos.add(std::move(item));
    rs.status(201).header("Location", "/todos/" + std::to_string(id));
    rs.json(todo_list::shown(id, todos.at(id)).dump());
  });
  routes.get("/todos/{id}", [&](http::request& rq, http::response& rs) {
    const std::uint64_t id = id_of(rq);
    rs.json(todo_list::shown(id, todos.at(id)).dump());
  });
  routes.patch("/todos/{id}", [&](http::request& rq, http::response& rs) -> task<> {
    const std::uint64_t id = id_of(rq);
    todo changed = todos.at(id);
    co_await read_change(rq, changed);
    todos.at(id) = std::move(changed);  // it may have been removed meanwhile
    rs.json(todo_list::shown(id, todos.at(id)).dump());
  });
  routes.delete_("/todos/{id}", [&](http::request& rq, http::response& rs) {
    todos.remove(id_of(rq));
    rs.status(204).empty();
  });
  return routes;
}

/// Errors as JSON, too.
void show_error(http::request&, http::response& rs) {
  const int status = rs.status();
  const json error{{"status", status}, {"error", std::string(rs.failure())}};
  rs.body(error.dump(), "application/json");
}

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 8080};
  std::size_t most = 1000;
};

task<> serve(settings chosen) {
  todo_list todos(chosen.most);
  const http::router routes = routes_of(todos);
  http::server server(routes);
  server.on_error(show_error);
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);
  co_await server.run(listener);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A list of things to do, kept in memory: a page, and JSON.");
  options.sample("curl -d '{\"title\": \"buy milk\"}' http://127.0.0.1:8080/todos");
  options.sample("curl http://127.0.0.1:8080/todos");
  options.sample("curl -X PATCH -d '{\"done\": true}' http://127.0.0.1:8080/todos/1");
  options.sample("curl -X DELETE http://127.0.0.1:8080/todos/1");
  options.listen(chosen.listen);
  options.count("--most", chosen.most, "how many things there may be to do", 1);
  options.read(argc, argv);
  return wring::run(serve, chosen);
}
