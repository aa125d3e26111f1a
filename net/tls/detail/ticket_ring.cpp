// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <utility>

#include <wring/net/tls/detail/ticket_ring.hpp>

namespace wring::net::tls::detail {

namespace {

constexpr std::int64_t most_used = std::int64_t{12} * 3600 * 1'000'000'000;  // in nanoseconds
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

bool make_random(ticket_key& key) noexcept {
  return RAND_priv_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key) == 1;
}

void forget(std::vector<ticket_key>& keys) noexcept {
  OPENSSL_cleanse(keys.data(), keys.size() * sizeof(ticket_key));
  keys.clear();
}

}  // namespace

ticket_ring::ticket_ring() : due_(0) { rotate(); }

ticket_ring::ticket_ring(std::vector<ticket_key> keys) : keys_(std::move(keys)), due_(never) {}

ticket_ring::~ticket_ring() { forget(keys_); }

void ticket_ring::rotate() {
  ticket_key fresh;
  if (!make_random(fresh)) throw std::bad_alloc();
  const std::lock_guard one(lock_);
  put_in_front(fresh);
}

void ticket_ring::rotate_if_due(std::int64_t now) {
  std::int64_t due = due_;
  if (now < due) return;
  // One of the schedulers does it.
  if (due_.compare_exchange_strong(due, now + most_used) && due != 0) rotate();
}

// Reserved once, so that no copies of keys stay in freed memory.
void ticket_ring::put_in_front(const ticket_key& key) {
  keys_.reserve(most_keys + 1);
  keys_.insert(keys_.begin(), key);
  if (keys_.size() > most_keys) {
    OPENSSL_cleanse(&keys_.back(), sizeof(ticket_key));
    keys_.pop_back();
  }
}

void ticket_ring::replace(std::vector<ticket_key> keys) {
  const std::lock_guard one(lock_);
  keys_.swap(keys);
  due_ = never;
  forget(keys);
}

ticket_key ticket_ring::newest() noexcept {
  const std::lock_guard one(lock_);
  return keys_.front();
}

std::optional<ticket_ring::known_key> ticket_ring::find(const unsigned char* name) noexcept {
  const std::lock_guard one(lock_);
  const auto at = std::ranges::find_if(
      keys_, [&](const ticket_key& key) { return std::memcmp(key.name.data(), name, key.name.size()) == 0; });
  if (at == keys_.end()) return {};
  return known_key{*at, at == keys_.begin()};
}

}  // namespace wring::net::tls::detail
