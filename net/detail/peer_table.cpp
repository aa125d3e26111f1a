// SPDX-License-Identifier: MIT
#include <algorithm>
#include <span>
#include <string_view>

#include <wring/net/detail/peer_table.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::net::detail {

namespace {

/// What of an address tells one peer from another. Link-local IPv6 addresses are all in the same network.
std::span<const unsigned char> peer_part(std::span<const unsigned char> address) noexcept {
  ip_address::v6_bytes v6{};
  if (address.size() != v6.size()) return address;
  std::ranges::copy(address, v6.begin());
  return ip_address(v6).is_link_local() ? address : address.first(8);
}

}  // namespace

std::size_t peer_table::key_hash::operator()(const key& k) const noexcept {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(k.data()), k.size()});
}

std::optional<peer_table::key> peer_table::key_of(const error_address& peer) noexcept {
  const std::span<const unsigned char> bytes = peer_part(peer.ip_bytes());
  if (bytes.empty()) return std::nullopt;
  key k{};
  k[0] = static_cast<unsigned char>(bytes.size());
  std::ranges::copy(bytes, k.begin() + 1);
  return k;
}

std::optional<peer_table::slot> peer_table::enter(const error_address& peer) {
  const std::optional<key> k = limits() ? key_of(peer) : std::nullopt;
  if (!k) return slot();
  entry& found = *peers_.try_emplace(*k, 0).first;
  if (found.second >= most_) return std::nullopt;
  ++found.second;
  return slot(*this, found);
}

void peer_table::leave(entry& peer) noexcept {
  if (--peer.second != 0) return;
  const key k = peer.first;
  peers_.erase(k);
}

}  // namespace wring::net::detail
