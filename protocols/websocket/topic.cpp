// SPDX-License-Identifier: MIT
#include <algorithm>

#include <wring/protocols/websocket/detail/socket_core.hpp>
#include <wring/protocols/websocket/socket.hpp>
#include <wring/protocols/websocket/topic.hpp>

namespace wring::ws {

namespace {

auto membership_of(detail::socket_core& s, const detail::membership_owner& of) noexcept {
  return std::ranges::find(s.topics, &of, [](const auto& m) -> const detail::membership_owner* { return m.of; });
}

}  // namespace

topic::~topic() {
  while (!members_.empty()) leaves(*members_.back());
}

void topic::subscribe(socket& s) {
  detail::socket_core& core = s.core();
  if (membership_of(core, *this) != core.topics.end()) return;
  core.topics.reserve(core.topics.size() + 1);
  members_.push_back(&core);
  core.topics.push_back({this, members_.size() - 1});
}

void topic::unsubscribe(socket& s) noexcept { leaves(s.core()); }

void topic::leaves(detail::socket_core& s) noexcept {
  const auto mine = membership_of(s, *this);
  if (mine == s.topics.end()) return;
  const std::size_t at = mine->at;
  *mine = s.topics.back();
  s.topics.pop_back();
  if (at + 1 != members_.size()) {
    members_[at] = members_.back();
    membership_of(*members_[at], *this)->at = at;
  }
  members_.pop_back();
}

std::size_t topic::publish(const prepared& p, const socket* except) {
  std::size_t posted = 0;
  const detail::socket_core* const left_out = except != nullptr ? except->try_core() : nullptr;
  for (detail::socket_core* const member : members_) {
    if (member != left_out && member->post(p)) ++posted;
  }
  return posted;
}

}  // namespace wring::ws
