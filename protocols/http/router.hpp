// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/protocols/http/disconnect.hpp>
#include <wring/protocols/http/handler.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http {

namespace detail {
struct route_entry;
struct route_node;
class route_match;
}  // namespace detail

/// What `router::get` and the like return: options of the route. Valid as long as the router.
class WRING_API route {
 public:
  /// For the library.
  explicit route(detail::route_entry& e) noexcept : entry_(&e) {}

  /// The most bytes of a request's body; instead of server_limits::max_body. Beyond it: 413.
  route& max_body(std::uint64_t bytes) noexcept;
  /// How long the handler may take; then it is cancelled, and 503 is answered, if no answer has been begun.
  route& timeout(duration limit) noexcept;
  route& on_disconnect(disconnect what) noexcept;
  /// Requests must have a Content-Length: 411 otherwise.
  route& require_length() noexcept;
  /// Tells load balancers whether to send requests here: 503, once the program has been asked to stop. Other routes
  /// answer as before in `server_limits::lame_duck`.
  route& readiness() noexcept;

 private:
  detail::route_entry* entry_;
};

/// Which handler answers a request, by its method and path. Not changed while it serves; for one scheduler, unless
/// every handler may be called by several threads at once.
///
/// A pattern is a path whose segments are texts, `{name}`, which captures one segment that is not empty, or, as the
/// last, `{name...}`, which captures the rest, with its slashes. The most specific pattern wins: segment by segment a
/// text before a name before a rest. A path is split at its slashes before it is decoded, so that `%2F` never makes a
/// segment, and its dot segments were removed before. `/a` and `/a/` are different paths.
///
/// By itself the router answers: HEAD as GET without the body; OPTIONS with 204 and `Allow`, inside of what stands
/// around the first route of that pattern; 405 with `Allow` where there are routes for other methods; 404 where there
/// is none, unless there is a `fallback`; 501 for a method that no route has.
class WRING_API router {
 public:
  router();
  /// A router of nothing but this handler, whatever the method and path.
  explicit router(handler h);
  router(router&& other) noexcept;
  router& operator=(router&& other) noexcept;
  ~router();

  /// Each throws std::invalid_argument for a pattern that does not begin with a slash, or is not as described, and
  /// std::logic_error if there is a route for that method and pattern already.
  route get(std::string_view pattern, handler h);
  route post(std::string_view pattern, handler h);
  route put(std::string_view pattern, handler h);
  route patch(std::string_view pattern, handler h);
  route delete_(std::string_view pattern, handler h);
  /// For all methods that the pattern has no other route for.
  route any(std::string_view pattern, handler h);
  /// For any method, also one that `method` does not list.
  route on(std::string_view method, std::string_view pattern, handler h);

  /// For CONNECT, whose target is no path but `rq.authority()`, a host and port: see response::upgrade. Without it
  /// CONNECT is answered 501, also where there is a fallback. Throws std::logic_error if there is one already.
  route connect(handler h);

  /// For the routes that are registered from now on, around those of before. The fallback counts.
  void use(middleware m);
  /// All routes of `other`, below `prefix`, which is a pattern without a rest. What was `use`d here stands around them.
  void mount(std::string_view prefix, router other);
  /// Answers what no route does, in place of 404.
  void fallback(handler h);

 private:
  friend class detail::route_match;

  route add(std::string_view method, std::string_view pattern, detail::route_entry&& entry);

  std::unique_ptr<detail::route_node> root_;
  std::vector<middleware> around_;
  std::vector<std::string> methods_;
  std::unique_ptr<detail::route_entry> fallback_;
  std::unique_ptr<detail::route_entry> connect_;
};

}  // namespace wring::http
