// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/client/forward.hpp>
#include <wring/protocols/http/web/resource.hpp>

namespace wring::web {

/// Answers with what another server answers: Twisted's `proxy.ReverseProxyResource`. That is asked for the path of
/// `origin`, and behind it what follows in the request's path where the resource is in the tree:
///
///     root->put_child("shop", std::make_shared<web::reverse_proxy_resource>(client, "http://10.0.0.1:8080/v2"));
///
/// `/shop/cart?id=3` is `/v2/cart?id=3` there. Bodies are streamed, faults answered, and fields passed on as
/// `http::forward` does it. What put_child puts there comes before. One scheduler.
class WRING_API reverse_proxy_resource final : public resource {
 public:
  /// The client must outlive it. A path that the hooks say is asked for in place of what follows. Throws
  /// std::invalid_argument if `origin` is no URL.
  reverse_proxy_resource(http::client& web, std::string_view origin, http::forward_hooks hooks = {});

  [[nodiscard]] bool streams_body() const override { return true; }
  [[nodiscard]] std::shared_ptr<resource> child(std::string_view segment, request& rq) override;
  [[nodiscard]] rendered render(request& rq) override;

 private:
  class place;

  /// Forwards it, without so many segments of its path.
  [[nodiscard]] task<> pass_on(request& rq, std::size_t segments) const;

  http::client& web_;
  http::absolute_url origin_;
  http::forward_hooks hooks_;
};

}  // namespace wring::web
