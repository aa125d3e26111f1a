// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <wring/core/detail/awaiting/operand.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/any_listener.hpp>
#include <wring/net/serve.hpp>
#include <wring/net/serve_options.hpp>

namespace wring::net {

/// Where a server may listen: how, and not yet done. Made from a text by `endpoint_kinds::server`, so that a program's
/// configuration decides, or from a function. A value: copies are cheap, and stay valid without the `endpoint_kinds`.
/// One thread.
class WRING_API server_endpoint {
 public:
  using listen_function = std::function<task<any_listener>()>;

  /// `text` is for people: what text() returns.
  server_endpoint(std::string text, listen_function listen);

  /// Listens there. *Delivering*. Throws what the kind of listener throws: io_error, mostly. May be called again, if
  /// what is there can be listened on twice.
  [[nodiscard]] task<any_listener> listen() const;

  [[nodiscard]] const std::string& text() const noexcept;

 private:
  struct state;
  static task<any_listener> run(std::shared_ptr<const state> s);

  std::shared_ptr<const state> state_;
};

/// Listens at the endpoint, and serves it: see `serve` for listeners. The handler takes an `any_stream` or a
/// `stream_ref`.
template <class Handler>
task<serve_report> serve(server_endpoint endpoint, Handler handler, serve_options options = {}) {
  wring::detail::assert_safe_callable<Handler>();
  any_listener listener = co_await endpoint.listen();
  co_return co_await serve(listener, std::move(handler), options);
}

}  // namespace wring::net
