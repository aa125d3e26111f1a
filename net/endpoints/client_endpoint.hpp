// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/net/stream.hpp>

namespace wring::net {

/// What a client may connect to. Made from a text by `endpoint_kinds::client`, or from a function. A value: copies are
/// cheap, and stay valid without the `endpoint_kinds`. One thread.
class WRING_API client_endpoint {
 public:
  using connect_function = std::function<task<any_stream>()>;

  /// `text` is for people: what text() returns.
  client_endpoint(std::string text, connect_function connect);

  /// Connects to it. *Delivering*. Throws what the kind of connection throws: io_error, mostly, and timeout_error when
  /// its time is over. Any number of tasks may connect at the same time.
  [[nodiscard]] task<any_stream> connect() const;

  [[nodiscard]] const std::string& text() const noexcept;

 private:
  struct state;
  static task<any_stream> run(std::shared_ptr<const state> s);

  std::shared_ptr<const state> state_;
};

}  // namespace wring::net
