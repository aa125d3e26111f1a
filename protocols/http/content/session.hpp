// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/core/sync/sharded_map.hpp>
#include <wring/protocols/http/content/seal_keys.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http {

/// Limits of a session_store.
struct session_limits {
  std::size_t sessions = 100'000;             ///< in the process; a new one beyond it is answered 503
  std::size_t bytes = std::size_t{4} * 1024;  ///< of the names and values of one; beyond it: std::length_error
  duration idle = std::chrono::minutes(15);   ///< a session that was not used for so long is forgotten
};
static_assert(std::is_trivially_destructible_v<session_limits>);

/// What a program knows of its visitors between their requests, for all schedulers together: whoever logs in on one is
/// known on the others. In memory: it ends with the process. Make it before the runtime, and destroy it after that. May
/// be used by any thread.
class WRING_API session_store {
 public:
  explicit session_store(const session_limits& limits = {}) : limits_(limits), sessions_(limits.sessions) {}
  session_store(const session_store&) = delete;
  session_store& operator=(const session_store&) = delete;
  ~session_store() = default;

  [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }

 private:
  friend class session;
  struct entry {
    std::map<std::string, std::string, std::less<>> values;
    std::size_t bytes = 0;
    std::int64_t used = 0;  // when, in nanoseconds of the steady clock
  };

  [[nodiscard]] bool is_live(const entry& e, std::int64_t now) const noexcept;
  void forget_idle(std::int64_t now);

  const session_limits limits_;
  sharded_map<std::string, entry> sessions_;
  std::mutex mutex_;  // of what follows
  std::int64_t swept_ = 0;
};

/// A visitor's session during a request: `rq.get<http::session>()` behind the middleware `sessions`. It begins, and the
/// visitor gets its cookie, when something is set. One thread. With a store the values are shared with the visitor's
/// other requests, of all schedulers; with keys they are what the cookie of this request has said, and a change is for
/// the requests that follow its answer.
class WRING_API session {
 public:
  /// For the library.
  session(session_store& store, request& rq, response& rs, std::string_view cookie, bool secure);
  session(const seal_keys& keys, duration idle, request& rq, response& rs, std::string_view cookie, bool secure);
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Whether there is one.
  [[nodiscard]] bool exists() const noexcept { return begun_; }
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  /// Begins the session, if there is none: std::logic_error if the head has been sent by then, in a sealed cookie for
  /// any change. Throws std::length_error beyond session_limits::bytes, or if a sealed cookie would be longer than the
  /// 4,096 bytes that browsers keep; status_error 503 if there are too many sessions.
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);
  /// Gives it another id. Call it where a visitor logs in, so that whoever may have made him use an id that he knows
  /// does not become him.
  void renew();
  /// Forgets it, as at a logout. A copy of a sealed cookie is good until its time is over, whoever has kept one.
  void end();

  /// What a form of this visitor carries in a hidden field, so that no page of another site can send it in his name.
  /// Begins the session, if there is none.
  [[nodiscard]] std::string csrf_token();
  /// Throws status_error 403 if `given` is not this session's token.
  void check_csrf_token(std::string_view given) const;

 private:
  using value_map = std::map<std::string, std::string, std::less<>>;

  void begin();
  void send_cookie(std::string_view value);
  /// Of a sealed cookie.
  void read_sealed(std::string_view text);
  void keep(value_map all);

  session_store* store_ = nullptr;
  const seal_keys* keys_ = nullptr;
  duration idle_ = {};
  response* response_;
  std::string_view cookie_;
  std::string id_;
  value_map own_;  // of a sealed cookie
  bool begun_ = false;
  bool secure_;
};

/// How `sessions` name their cookie.
struct session_cookie {
  std::string_view name = "session";  ///< a literal
  /// false: over TLS if the request came so (`request::scheme`).
  bool always_secure = false;
};

/// Middleware that knows visitors by a cookie, which is a random number and tells nothing. Other sites' forms come
/// without it (SameSite=Lax), but their links come with it: change nothing in answer to a GET.
///
///     http::session_store store;            // before the runtime
///     site.use(http::sessions(store));      // on each scheduler
///
/// With `seal_keys` instead of a store, the cookie has the values themselves, sealed, so that the program remembers
/// nothing: it may be restarted, and be several programs. `idle` is how long a session lasts that is not used.
class WRING_API sessions {
 public:
  /// The store must outlive the router.
  explicit sessions(session_store& store, const session_cookie& cookie = {}) noexcept
      : store_(&store), cookie_(cookie) {}
  /// So must the keys.
  explicit sessions(const seal_keys& keys, duration idle = std::chrono::minutes(15),
                    const session_cookie& cookie = {}) noexcept
      : keys_(&keys), idle_(idle), cookie_(cookie) {}

  void operator()(request& rq, response& rs) const;

 private:
  session_store* store_ = nullptr;
  const seal_keys* keys_ = nullptr;
  duration idle_ = {};
  session_cookie cookie_;
};

}  // namespace wring::http
