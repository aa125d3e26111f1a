// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <string>

#include <wring/protocols/http/detail/route_match.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http::detail {

route_match::route_match(const router& r, exchange& x) : exchange_(x) {
  if (x.in.method == method::connect) {
    entry_ = r.connect_.get();
    status_ = 501;
    return;
  }
  const std::string_view path = x.in.path;
  if (path.starts_with('/')) {
    if (const route_node* const node = find(*r.root_, path.substr(1), 0); node != nullptr) {
      choose(r, *node);
      if (entry_ != nullptr || status_ != 404) return;
    }
  }
  if (r.fallback_) {
    entry_ = r.fallback_.get();
    return;
  }
  const bool known = x.in.method == method::get || x.in.method == method::head || x.in.method == method::options ||
                     std::ranges::find(r.methods_, x.in.method_text) != r.methods_.end();
  if (x.in.method == method::options && path == "*") {
    status_ = 204;
    allow_ = "GET, HEAD, OPTIONS";
  } else if (!known && (x.in.method == method::other || x.in.method == method::trace)) {
    status_ = 501;
  }
}

std::string_view route_match::decoded(std::string_view text) {
  if (!exchange_.in.path_has_escapes || text.find('%') == std::string_view::npos) return text;
  char* const out = exchange_.memory.characters(text.size());
  return {out, decode_escapes(text, out, false).value_or(0)};
}

const route_node* route_match::find(const route_node& at, std::string_view path, std::size_t captured) {
  const std::size_t slash = path.find('/');
  const bool last = slash == std::string_view::npos;
  const std::string_view segment = decoded(path.substr(0, slash));
  for (const auto& [text, child] : at.texts) {
    if (text != segment) continue;
    if (last) {
      if (!child->entries.empty()) {
        count_ = captured;
        return child.get();
      }
    } else if (const route_node* const found = find(*child, path.substr(slash + 1), captured); found != nullptr) {
      return found;
    }
    break;
  }
  if (at.name && !segment.empty() && captured < most_parameters) {
    if (last) {
      if (!at.name->entries.empty()) {
        captured_[captured] = segment;
        count_ = captured + 1;
        return at.name.get();
      }
    } else if (const route_node* const found = find(*at.name, path.substr(slash + 1), captured + 1); found != nullptr) {
      captured_[captured] = segment;
      return found;
    }
  }
  if (!at.rest || captured == most_parameters) return nullptr;
  captured_[captured] = decoded(path);
  count_ = captured + 1;
  return at.rest.get();
}

void route_match::choose(const router& r, const route_node& node) {
  const auto entry_for = [&node](std::string_view method) -> const route_entry* {
    for (const auto& [name, entry] : node.entries) {
      if (name == method) return entry.get();
    }
    return nullptr;
  };
  const auto& in = exchange_.in;
  entry_ = entry_for(in.method_text);
  if (entry_ == nullptr && in.method == method::head) entry_ = entry_for("GET");
  if (entry_ == nullptr) entry_ = entry_for("");
  if (entry_ == nullptr) {
    const bool known = in.method != method::other && in.method != method::trace;
    if (in.method == method::options) {
      entry_ = node.options.get();
    } else if (known || std::ranges::find(r.methods_, in.method_text) != r.methods_.end()) {
      status_ = 405;
    } else {
      status_ = 501;
      return;
    }
    list_methods(node);
    if (entry_ == nullptr) return;
  }
  if (count_ == 0) return;
  auto* const parameters =
      reinterpret_cast<parameter*>(exchange_.memory.allocate(count_ * sizeof(parameter), alignof(parameter)));
  for (std::size_t i = 0; i < count_; ++i) {
    std::construct_at(parameters + i, std::string_view(entry_->names[i]), captured_[i]);
  }
  exchange_.in.parameters = {parameters, count_};
}

void route_match::list_methods(const route_node& node) {
  std::string list;
  bool has_get = false;
  bool has_head = false;
  for (const auto& [name, entry] : node.entries) {
    has_get |= name == "GET";
    has_head |= name == "HEAD";
    list.append(name).append(", ");
  }
  if (has_get && !has_head) list += "HEAD, ";
  allow_ = exchange_.memory.keep(list + "OPTIONS");
}

}  // namespace wring::http::detail
