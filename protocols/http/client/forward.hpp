// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/error.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/client/client.hpp>
#include <wring/protocols/http/request.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

/// A field that a proxy adds.
struct added_field {
  std::string name;
  std::string value;
};

/// What a reverse proxy does beside forwarding.
struct forward_hooks {
  /// Fields of the client's that the server is not to see, beside those that are never forwarded.
  std::vector<std::string> drop_from_request = {};
  /// Adds to the request.
  std::function<void(const request& rq, std::vector<added_field>& more)> on_request = {};
  /// Says the path that is put behind that of the origin, in place of the request's: to take the place where the proxy
  /// is mounted away from it, for instance. As it is to be sent, escapes and all: empty, or from a slash on, without
  /// dot segments. What is no such path throws std::invalid_argument.
  std::function<std::string(const request& rq)> path = {};
  /// Sees the answer before its head is sent, and may set or remove fields of it. May throw a status_error.
  std::function<void(response& rs)> on_response = {};
  /// Whether the server is sent the client's Host. Otherwise it gets that of the origin, and the client's in
  /// X-Forwarded-Host.
  bool keep_host = false;
  /// Tells for whom the request is forwarded, in X-Forwarded-For, -Proto and -Host. What the client has sent by these
  /// names, and as Forwarded, is dropped, unless it has come from a proxy that the server trusts: that is continued.
  bool tell_client = true;
};

/// Answers `rq` with what the server at `origin` answers to it, through `web`: a reverse proxy. The path of `origin` is
/// put before that of the request, or the one that the hooks say. Both bodies are streamed, both ways at once, and as
/// fast as the slower side goes. Returns when both have ended. A request to switch the protocol is passed on, and so is
/// everything after it.
///
/// Fields of one connection alone are not forwarded (RFC 9110, section 7.6.1), nor are those that Connection names,
/// except that a client cannot have Via, Host and what tells of forwarding removed. Via is added both ways.
///
/// Until the answer's head has been sent, a server that cannot be reached or breaks HTTP is answered 502, one that
/// takes too long 504, and the fault is logged. After that the client's connection is cut: throws the io_error. A fault
/// of the client's own is thrown as its body_reader throws it. A request is sent again only as the client's `send` does
/// it.
[[nodiscard]] WRING_API task<> forward(client& web, request& rq, response& rs, const absolute_url& origin,
                                       const forward_hooks& hooks = {});

/// What has become of a request that was to be forwarded.
class forward_outcome {
 public:
  /// The server's answer has been passed on.
  forward_outcome() noexcept = default;
  /// The server has failed; `answered`: the response has an answer that says so.
  forward_outcome(const error& fault, bool answered) noexcept : fault_(fault), answered_(answered) {}

  [[nodiscard]] const std::optional<error>& fault() const noexcept { return fault_; }
  [[nodiscard]] bool answered() const noexcept { return answered_; }

 private:
  std::optional<error> fault_;
  bool answered_ = true;
};

/// The same, but a fault before anything of the request's body was read, and before any answer, is not answered:
/// another server can be tried.
[[nodiscard]] WRING_API task<forward_outcome> try_forward(client& web, request& rq, response& rs,
                                                          const absolute_url& origin, const forward_hooks& hooks = {});

/// Sets the answer to a request that could not be forwarded: 504 if it took too long, 502 otherwise; and logs why.
WRING_API void fail_forward(response& rs, const error& fault, const absolute_url& origin);

}  // namespace wring::http
