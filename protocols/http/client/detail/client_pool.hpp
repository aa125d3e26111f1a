// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <wring/core/callback/call_later.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/sync/semaphore.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/client/client_limits.hpp>
#include <wring/protocols/http/client/detail/client_connection.hpp>

namespace wring::http::detail {

/// What connections are alike by.
struct origin_key {
  url_scheme scheme = url_scheme::http;
  std::uint16_t port = 0;
  std::string_view host;
  const void* proxy = nullptr;  ///< which one they go through

  bool operator==(const origin_key&) const noexcept = default;
};
struct origin_hash {
  [[nodiscard]] std::size_t operator()(const origin_key& k) const noexcept {
    return std::hash<std::string_view>()(k.host) * 31 + std::size_t{k.port} * 4 + static_cast<std::size_t>(k.scheme) +
           std::hash<const void*>()(k.proxy) * 7;
  }
};

/// The connections to one origin, and who waits for one.
struct client_origin {
  client_origin(const origin_key& k, std::size_t limit) : host(k.host), key(k), permits(limit) { key.host = host; }

  const std::string host;
  origin_key key;
  semaphore permits;
  std::list<client_connection> idle;  // the one that was used last is at the end
  std::list<client_connection> used;
  std::size_t users = 0;  // uses that exist
};

class client_pool;

/// A request's place among the connections, and its connection, once it has one.
class WRING_API connection_use {
 public:
  connection_use() noexcept = default;
  connection_use(connection_use&& other) noexcept { swap(other); }
  connection_use& operator=(connection_use&& other) noexcept {
    connection_use(std::move(other)).swap(*this);
    return *this;
  }
  ~connection_use() { drop(); }

  [[nodiscard]] explicit operator bool() const noexcept { return connected_; }
  [[nodiscard]] client_connection& operator*() const noexcept { return *at_; }
  [[nodiscard]] client_connection* operator->() const noexcept { return &*at_; }
  /// Whether the connection has been used for another request before.
  [[nodiscard]] bool reused() const noexcept { return reused_; }

  /// The connection, which has just been made.
  void connected(net::any_stream s);
  /// Keeps the connection for a later request, at most so long.
  void give_back(duration most_idle) noexcept;
  /// Ends the connection: what is under way on it is lost.
  void drop() noexcept;
  /// Ends the connection, on which nothing is under way.
  void close() noexcept;
  /// Ends nothing: the connection is the caller's from now on.
  [[nodiscard]] net::any_stream take_stream() noexcept;

 private:
  friend class client_pool;
  connection_use(client_pool& pool, client_origin& origin) noexcept : pool_(&pool), origin_(&origin) { ++origin.users; }
  void swap(connection_use& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(origin_, other.origin_);
    own_.swap(other.own_);
    all_.swap(other.all_);
    std::swap(at_, other.at_);
    std::swap(connected_, other.connected_);
    std::swap(reused_, other.reused_);
  }
  void leave() noexcept;

  client_pool* pool_ = nullptr;
  client_origin* origin_ = nullptr;
  semaphore::permit own_;
  semaphore::permit all_;
  std::list<client_connection>::iterator at_;
  bool connected_ = false;
  bool reused_ = false;
};

/// The connections of a client, those that are used and those that are kept.
class WRING_API client_pool {
 public:
  explicit client_pool(const client_limits& l) : limits(l), all_(l.max_connections) {}
  client_pool(const client_pool&) = delete;
  client_pool& operator=(const client_pool&) = delete;
  ~client_pool();

  /// A place, as soon as there is one, in order of arrival; with a connection that was kept, if there is one. `fresh`:
  /// without.
  [[nodiscard]] task<connection_use> acquire(origin_key key, bool fresh);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_; }

  const client_limits limits;

 private:
  friend class connection_use;

  [[nodiscard]] client_origin& origin_of(const origin_key& key);
  /// Ends what is spoilt or too old.
  void reap() noexcept;
  void reap_at(steady_clock::time_point when) noexcept;
  static void lost_one(void* self) noexcept;
  /// Ends the connection that has been idle longest, if there is one.
  void make_room() noexcept;
  void forget(client_origin& origin) noexcept;

  std::unordered_map<origin_key, std::unique_ptr<client_origin>, origin_hash> origins_;
  semaphore all_;
  delayed_call reaper_;
  std::size_t size_ = 0;
  std::size_t idle_ = 0;
};

}  // namespace wring::http::detail
