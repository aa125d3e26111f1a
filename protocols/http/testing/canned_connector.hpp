// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/task.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/memory_stream.hpp>
#include <wring/net/stream.hpp>

namespace wring::http::testing {

/// A connector whose server, in memory, answers with what it has been given, byte for byte and in that order, however
/// malformed it is: for what a client does with servers that misbehave.
///
/// The connections are served by children of the nursery, which end when the client is destroyed: within the nursery's
/// body. The nursery must outlive it.
class WRING_API canned_connector {
 public:
  explicit canned_connector(nursery& n, const net::memory_stream_options& how = {}) noexcept : nursery_(n), how_(how) {}

  /// The next request, of whatever connection, is answered so, when all of it has come.
  canned_connector& answer(std::string bytes);
  /// The same, and then the connection is closed.
  canned_connector& answer_and_close(std::string bytes);
  /// The same, as soon as the request's head has come; its body is not read, and the connection is left open.
  canned_connector& answer_early(std::string bytes);

  /// See `net::connector`.
  [[nodiscard]] task<net::any_stream> connect(net::connect_target target);

  /// What has come so far, each with its body. A request without an answer left has its connection closed.
  [[nodiscard]] const std::vector<std::string>& requests() const noexcept { return requests_; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }

 private:
  enum class then : std::uint8_t { go_on, close, ignore };
  struct canned {
    std::string bytes;
    then after;
  };

  [[nodiscard]] task<> serve(net::memory_stream end);

  nursery& nursery_;
  net::memory_stream_options how_;
  std::deque<canned> answers_;
  std::vector<std::string> requests_;
  std::size_t connections_ = 0;
};

}  // namespace wring::http::testing
