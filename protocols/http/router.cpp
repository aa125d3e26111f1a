// SPDX-License-Identifier: MIT
#include <algorithm>
#include <stdexcept>
#include <utility>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/route_tree.hpp>
#include <wring/protocols/http/router.hpp>

namespace wring::http {

using detail::route_entry;
using detail::route_node;

namespace {

[[noreturn]] void refuse(std::string_view pattern, const char* why) {
  throw std::invalid_argument("the pattern \"" + std::string(pattern) + "\" " + why);
}

}  // namespace

route& route::max_body(std::uint64_t bytes) noexcept {
  entry_->max_body = bytes;
  return *this;
}
route& route::timeout(duration limit) noexcept {
  entry_->timeout = limit;
  return *this;
}
route& route::on_disconnect(disconnect what) noexcept {
  entry_->disconnect = what;
  return *this;
}
route& route::require_length() noexcept {
  entry_->require_length = true;
  return *this;
}
route& route::readiness() noexcept {
  entry_->readiness = true;
  return *this;
}

router::router() : root_(std::make_unique<route_node>()) {}
router::router(handler h) : router() { fallback(std::move(h)); }
router::router(router&& other) noexcept = default;
router& router::operator=(router&& other) noexcept = default;
router::~router() = default;

route router::get(std::string_view pattern, handler h) { return on("GET", pattern, std::move(h)); }
route router::post(std::string_view pattern, handler h) { return on("POST", pattern, std::move(h)); }
route router::put(std::string_view pattern, handler h) { return on("PUT", pattern, std::move(h)); }
route router::patch(std::string_view pattern, handler h) { return on("PATCH", pattern, std::move(h)); }
route router::delete_(std::string_view pattern, handler h) { return on("DELETE", pattern, std::move(h)); }
route router::any(std::string_view pattern, handler h) { return add({}, pattern, {{around_, std::move(h)}, {}, {}}); }

route router::connect(handler h) {
  if (connect_) throw std::logic_error("there is a route for CONNECT already");
  connect_ = std::make_unique<route_entry>(route_entry{{around_, std::move(h)}, {}, {}});
  connect_->is_task = connect_->chain.is_task();
  return route(*connect_);
}

route router::on(std::string_view method, std::string_view pattern, handler h) {
  if (!detail::is_token(method)) throw std::invalid_argument("a route's method is no token");
  if (method == "CONNECT") throw std::invalid_argument("the target of CONNECT is no path: its route is connect()");
  return add(method, pattern, {{around_, std::move(h)}, {}, {}});
}

route router::add(std::string_view method, std::string_view pattern, route_entry&& entry) {
  if (!pattern.starts_with('/')) refuse(pattern, "does not begin with a slash");
  route_node* at = root_.get();
  std::vector<std::string> names;
  std::string_view left = pattern.substr(1);
  for (bool last = false; !last;) {
    const std::size_t end = left.find('/');
    last = end == std::string_view::npos;
    const std::string_view segment = left.substr(0, end);
    if (!last) left.remove_prefix(end + 1);
    if (segment.find_first_of("{}") == std::string_view::npos) {
      const auto found = std::ranges::find(at->texts, segment, [](const auto& t) { return std::string_view(t.first); });
      at = found != at->texts.end()
               ? found->second.get()
               : at->texts.emplace_back(std::string(segment), std::make_unique<route_node>()).second.get();
      continue;
    }
    std::string_view name = segment;
    const bool braced = segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
    if (!braced) refuse(pattern, "has braces that do not enclose a whole segment");
    name = segment.substr(1, segment.size() - 2);
    const bool rest = name.ends_with("...");
    if (rest) name.remove_suffix(3);
    if (name.empty() || name.find_first_of("{}.") != std::string_view::npos)
      refuse(pattern, "has a bad name in braces");
    if (rest && !last) refuse(pattern, "goes on behind its rest");
    if (std::ranges::find(names, name) != names.end()) refuse(pattern, "has a name twice");
    names.emplace_back(name);
    auto& child = rest ? at->rest : at->name;
    if (!child) child = std::make_unique<route_node>();
    at = child.get();
  }
  if (names.size() > 16) refuse(pattern, "captures more than 16 parts");
  for (const auto& [known, e] : at->entries) {
    if (known == method) {
      throw std::logic_error("there is a route for " + std::string(method) + " " + at->pattern + " already");
    }
  }
  entry.names = std::move(names);
  entry.is_task = entry.chain.is_task();
  at->pattern = pattern;
  if (!at->options) {
    // What stands around the first route sees OPTIONS too: a browser asks so what it may do.
    at->options = std::make_unique<route_entry>(
        route_entry{{entry.chain.around, [](request&, response& rs) { rs.status(204).empty(); }}, entry.names, {}});
    at->options->is_task = at->options->chain.is_task();
  }
  if (!method.empty() && std::ranges::find(methods_, method) == methods_.end()) methods_.emplace_back(method);
  at->entries.emplace_back(std::string(method), std::make_unique<route_entry>(std::move(entry)));
  return route(*at->entries.back().second);
}

void router::use(middleware m) { around_.push_back(std::move(m)); }

void router::fallback(handler h) {
  fallback_ = std::make_unique<route_entry>(route_entry{{around_, std::move(h)}, {}, {}});
  fallback_->is_task = fallback_->chain.is_task();
}

void router::mount(std::string_view prefix, router other) {
  if (prefix.find("...}") != std::string_view::npos) refuse(prefix, "has a rest, and nothing can be mounted below it");
  std::string below(prefix);
  if (below.ends_with('/')) below.pop_back();
  std::vector<route_node*> waiting{other.root_.get()};
  while (!waiting.empty()) {
    route_node& node = *waiting.back();
    waiting.pop_back();
    for (auto& [method, entry] : node.entries) {
      entry->chain.around.insert(entry->chain.around.begin(), around_.begin(), around_.end());
      add(method, below + node.pattern, std::move(*entry));
    }
    for (auto& [text, child] : node.texts) waiting.push_back(child.get());
    if (node.name) waiting.push_back(node.name.get());
    if (node.rest) waiting.push_back(node.rest.get());
  }
}

}  // namespace wring::http
