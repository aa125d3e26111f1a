// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <wring/core/callback/deferred.hpp>
#include <wring/core/callback/start_deferred.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/byte_source.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/web/body_producer.hpp>
#include <wring/protocols/http/web/client_response.hpp>

namespace wring::web {

/// Sends requests for callback code: Twisted's `twisted.web.client.Agent`, over an `http::client`.
///
///     web::agent agent(client, n);
///     agent.request({"GET", "http://example.org/"})
///         .add_callback([](std::shared_ptr<web::client_response> rs) { return web::read_body(rs); })
///         .add_callback([](std::string page) { ... });
///
/// What Twisted puts around an Agent, a pool, redirects, cookies, decoding, proxies, is the client's. Requests, and the
/// bodies of their answers, are children of the nursery, and are cancelled with it. Client and nursery must outlive
/// what is sent. Copies are the same. One scheduler.
class WRING_API agent {
 public:
  using answer = std::shared_ptr<client_response>;

  agent(http::client& web, nursery& parent) noexcept : web_(&web), nursery_(&parent) {}

  /// Fires with the answer, when its head has come, whatever its status is. Fails with what `client::send` throws.
  /// Cancelling it cancels the request, which the server may have received. Throws as `nursery::start` does.
  [[nodiscard]] deferred<answer> request(http::client_request q) const;
  /// The same with a body, which is read from `body` while it is sent: see `client::send`.
  template <net::byte_source S>
  [[nodiscard]] deferred<answer> request(http::client_request q, S body) const {
    const auto send = [](http::client& web, nursery& n, http::client_request asked, S source) -> task<answer> {
      http::client_response rs = co_await web.send(asked, source);
      co_return std::make_shared<client_response>(std::move(rs), n);
    };
    return start_deferred(*nursery_, send, std::ref(*web_), std::ref(*nursery_), std::move(q), std::move(body));
  }
  /// The same with a body that is written.
  [[nodiscard]] deferred<answer> request(http::client_request q, std::shared_ptr<body_producer> body) const;

 private:
  http::client* web_;
  nursery* nursery_;
};

}  // namespace wring::web
