// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/router.hpp>
#include <wring/protocols/http/web/resource.hpp>

namespace wring::web {

/// Limits of a tree.
struct tree_limits {
  std::size_t content =
      std::size_t{16} * 1024 * 1024;                  ///< bytes of a body that is read before the resource is rendered
  std::size_t write = std::size_t{16} * 1024 * 1024;  ///< bytes that were written and wait to be sent, of a request
};
static_assert(std::is_trivially_destructible_v<tree_limits>);

/// A handler that answers by a tree of resources: what `twisted.web.server.Site` does with its root. For a router's
/// fallback, and so beside other routes:
///
///     r.fallback(web::tree(root));
///
/// A path that leads to no resource is answered 404; the methods that a resource does not render, 405. What render
/// throws, or its deferred fails with, is answered as a handler's exception is. One scheduler.
class WRING_API tree {
 public:
  explicit tree(std::shared_ptr<resource> root, tree_limits limits = {}) noexcept
      : root_(std::move(root)), limits_(limits) {}

  [[nodiscard]] task<> operator()(http::request& rq, http::response& rs) const;

 private:
  [[nodiscard]] std::shared_ptr<resource> find(request& rq) const;

  std::shared_ptr<resource> root_;
  tree_limits limits_;
};

/// A router of nothing but this tree, to be served.
[[nodiscard]] WRING_API http::router site(std::shared_ptr<resource> root, tree_limits limits = {});

}  // namespace wring::web
