// SPDX-License-Identifier: MIT
#include <cerrno>

#include <fmt/format.h>

#include <wring/net/sim/detail/unix_names.hpp>

namespace wring::sim::detail {

namespace {

constexpr std::uint32_t chosen_names = 1 << 20;

}  // namespace

int unix_names::bind(unix_socket& s, const net::socket_address& name) {
  const bool has_name = !s.name->empty();
  if (name.is_unnamed()) return has_name ? 0 : choose_name(s);
  if (name.is_abstract()) {
    if (has_name) return -EINVAL;
    const auto [at, is_new] = abstract_.try_emplace({s.datagrams, std::string(name.abstract_name())});
    if (!is_new) return -EADDRINUSE;
    at->second = s.weak_from_this();
  } else {
    if (file_at(name.path()) != 0) return -EADDRINUSE;
    if (has_name) return -EINVAL;
    files_.emplace(name.path(), file{.number = ++files_made_, .server = s.weak_from_this()});
  }
  *s.name = name;
  return 0;
}

// Linux's are five digits, too.
int unix_names::choose_name(unix_socket& s) {
  for (std::uint32_t tries = 0; tries != chosen_names; ++tries) {
    next_ = (next_ + 1) % chosen_names;
    if (bind(s, net::socket_address::from_abstract_name(fmt::format("{:05x}", next_))) == 0) return 0;
  }
  return -ENOSPC;
}

std::shared_ptr<unix_socket> unix_names::find(const net::socket_address& name, bool datagrams, int& result) const {
  result = -ECONNREFUSED;
  if (name.is_abstract()) {
    const auto at = abstract_.find({datagrams, std::string(name.abstract_name())});
    return at == abstract_.end() ? nullptr : at->second.lock();
  }
  const auto at = files_.find(name.path());
  if (at == files_.end()) {
    result = -ENOENT;
    return nullptr;
  }
  auto found = at->second.server.lock();
  if (found != nullptr && found->datagrams != datagrams) {
    result = -EPROTOTYPE;
    return nullptr;
  }
  return found;
}

std::uint64_t unix_names::file_at(std::string_view path) const {
  const auto at = files_.find(path);
  return at == files_.end() ? 0 : at->second.number;
}

void unix_names::remove_file(std::string_view path) {
  if (const auto at = files_.find(path); at != files_.end()) files_.erase(at);
}

void unix_names::release(const unix_socket& s) {
  if (!s.name->is_abstract()) return;
  const auto at = abstract_.find({s.datagrams, std::string(s.name->abstract_name())});
  // A connection that was accepted has its listener's name.
  if (at != abstract_.end() && at->second.lock().get() == &s) abstract_.erase(at);
}

}  // namespace wring::sim::detail
