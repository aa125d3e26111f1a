// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/protocols/http/client/detail/client_pool.hpp>

namespace wring::http::detail {

void connection_use::connected(net::any_stream s) {
  if (pool_->size_ >= pool_->limits.max_connections) pool_->make_room();
  at_ = origin_->used.emplace(origin_->used.end(), std::move(s), pool_->limits);
  connected_ = true;
  reused_ = false;
  ++pool_->size_;
}

void connection_use::give_back(duration most_idle) noexcept {
  if (!connected_) return;
  client_pool& pool = *pool_;
  client_origin& origin = *origin_;
  if (pool.limits.max_idle_per_origin == 0 || most_idle <= duration()) return close();
  const auto at = at_;
  origin.idle.splice(origin.idle.end(), origin.used, at);
  ++pool.idle_;
  if (origin.idle.size() > pool.limits.max_idle_per_origin) {
    origin.idle.pop_front();
    --pool.idle_;
    --pool.size_;
  }
  at->expires = steady_clock::now() + most_idle;
  connected_ = false;
  const steady_clock::time_point expires = at->expires;
  at->rest(&client_pool::lost_one, &pool);
  leave();
  pool.reap_at(expires);
}

void connection_use::drop() noexcept {
  if (connected_) at_->stream.abort();
  close();
}

void connection_use::close() noexcept {
  if (connected_) {
    origin_->used.erase(at_);
    connected_ = false;
    --pool_->size_;
  }
  leave();
}

net::any_stream connection_use::take_stream() noexcept {
  net::any_stream taken = std::move(at_->stream);
  drop();
  return taken;
}

void connection_use::leave() noexcept {
  if (origin_ == nullptr) return;
  own_.release();
  all_.release();
  --origin_->users;
  pool_->forget(*origin_);
  origin_ = nullptr;
}

client_pool::~client_pool() {
  if (reaper_.active()) reaper_.cancel();
  for (const auto& [key, origin] : origins_) {
    if (origin->users != 0) wring::detail::destroyed_in_use("an http::client");
  }
}

client_origin& client_pool::origin_of(const origin_key& key) {
  if (const auto found = origins_.find(key); found != origins_.end()) return *found->second;
  auto made = std::make_unique<client_origin>(key, limits.max_per_origin);
  client_origin& origin = *made;
  origins_.emplace(origin.key, std::move(made));
  return origin;
}

task<connection_use> client_pool::acquire(origin_key key, bool fresh) {
  connection_use place(*this, origin_of(key));
  client_origin& origin = *place.origin_;
  place.own_ = co_await origin.permits.acquire();
  place.all_ = co_await all_.acquire();
  while (!fresh && !origin.idle.empty()) {
    const auto last = std::prev(origin.idle.end());
    --idle_;
    if (last->wake() && last->expires > steady_clock::now()) {
      origin.used.splice(origin.used.end(), origin.idle, last);
      place.at_ = last;
      place.connected_ = true;
      place.reused_ = true;
      break;
    }
    origin.idle.erase(last);
    --size_;
  }
  co_return place;
}

void client_pool::forget(client_origin& origin) noexcept {
  if (origin.users != 0 || !origin.idle.empty()) return;
  const origin_key key = origin.key;
  const auto found = origins_.find(key);
  if (found != origins_.end()) origins_.erase(found);
}

void client_pool::make_room() noexcept {
  client_origin* oldest = nullptr;
  for (const auto& [key, origin] : origins_) {
    if (origin->idle.empty()) continue;
    if (oldest == nullptr || origin->idle.front().expires < oldest->idle.front().expires) oldest = origin.get();
  }
  if (oldest == nullptr) return;
  oldest->idle.pop_front();
  --idle_;
  --size_;
  forget(*oldest);
}

void client_pool::reap() noexcept {
  const auto now = steady_clock::now();
  auto next = steady_clock::time_point::max();
  for (auto at = origins_.begin(); at != origins_.end();) {
    client_origin& origin = *at->second;
    for (auto c = origin.idle.begin(); c != origin.idle.end();) {
      if (c->usable() && c->expires > now) {
        next = std::min(next, c->expires);
        ++c;
      } else {
        c = origin.idle.erase(c);
        --idle_;
        --size_;
      }
    }
    at = origin.users == 0 && origin.idle.empty() ? origins_.erase(at) : std::next(at);
  }
  if (next != steady_clock::time_point::max()) reap_at(next);
}

void client_pool::reap_at(steady_clock::time_point when) noexcept {
  if (reaper_.active() && reaper_.time() <= when) return;
  const duration left = std::max(duration(), duration(when - steady_clock::now()));
  try {
    if (reaper_.active()) {
      reaper_.reset(left);
    } else {
      reaper_ = call_later(left, [this] { reap(); });
    }
  } catch (...) {
    // No memory for the call: what is idle is looked at before it is used, too.
  }
}

void client_pool::lost_one(void* self) noexcept { static_cast<client_pool*>(self)->reap_at(steady_clock::now()); }

}  // namespace wring::http::detail
