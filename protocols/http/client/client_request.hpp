// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/absolute_url.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::http {

/// A request that a client is to send. A value: it can be sent any number of times. One thread at a time.
class WRING_API client_request {
 public:
  /// Is told an interim answer's status and fields, which are valid until it returns. It must not throw.
  using interim_observer = std::function<void(int status, const fields& headers)>;
  /// A field that is to be sent.
  struct own_field {
    std::string name;
    std::string value;
    bool secret;  ///< another origin is not to see it
  };

  /// A GET. Throws std::invalid_argument for what is no URL of a client's, see absolute_url.
  explicit client_request(std::string_view url);
  /// Throws std::invalid_argument also if the method is no token. CONNECT is refused when it is sent: see
  /// connect_tunnel.
  client_request(std::string_view method, std::string_view url);
  client_request(std::string_view method, absolute_url url);

  /// Sets a field, in place of those of that name. Throws std::invalid_argument if the name is no token, the value has
  /// controls, or the field is the connection's own: Connection, Content-Length, Expect, Keep-Alive, TE,
  /// Transfer-Encoding, Upgrade. Host, Accept-Encoding and User-Agent are set unless they are set here.
  client_request& header(std::string_view name, std::string_view value);
  /// Adds a field beside those of that name.
  client_request& append(std::string_view name, std::string_view value);
  client_request& remove(std::string_view name);
  /// A field that is dropped where a redirect leads to another origin, as Authorization, Cookie and
  /// Proxy-Authorization are always.
  client_request& secret_header(std::string_view name, std::string_view value);
  /// Basic authentication (RFC 7617). Throws std::invalid_argument if the name has a colon, or either has controls.
  client_request& basic_auth(std::string_view name, std::string_view password);
  /// A bearer's token (RFC 6750).
  client_request& bearer_auth(std::string_view token);

  /// A whole body, which can be sent again where that is needed. The type is set unless it is empty.
  client_request& body(std::string text, std::string_view type = {});
  /// How long the body will be that a source yields, or that is written; without this it goes in chunks.
  client_request& content_length(std::uint64_t bytes) noexcept;
  /// A field behind a body that goes in chunks. Throws as header() does.
  client_request& trailer(std::string_view name, std::string_view value);
  /// Waits for `100 Continue`, or `client_limits::continue_wait`, before it sends a body: for one that is large, and
  /// may be refused.
  client_request& expect_continue(bool waits = true) noexcept;
  /// Asks to go on with that protocol, see client_response::take_stream. Throws std::invalid_argument if it is no name.
  client_request& upgrade(std::string_view protocol);
  /// Follows no redirects, or fewer or more than `client_limits::max_redirects`.
  client_request& redirects(unsigned most) noexcept;
  /// Whether it may be sent once more, on a new connection, where a connection that had been used before was closed
  /// before any answer came: only methods that may be repeated are, and those with an Idempotency-Key. Set by default.
  client_request& retries(bool yes) noexcept;
  /// Undoes the content codings that the library knows, and asks for them unless Accept-Encoding is set, which ends
  /// this. Set by default.
  client_request& decodes(bool yes) noexcept;
  client_request& on_interim(interim_observer told);

  [[nodiscard]] const std::string& method() const noexcept { return method_; }
  [[nodiscard]] const absolute_url& url() const noexcept { return *url_; }
  /// The same, for who needs it longer.
  [[nodiscard]] const std::shared_ptr<const absolute_url>& shared_url() const noexcept { return url_; }
  /// The value of the first field of that name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<own_field>& headers() const noexcept { return fields_; }
  [[nodiscard]] const std::vector<own_field>& trailers() const noexcept { return trailers_; }
  [[nodiscard]] const std::optional<std::string>& body() const noexcept { return body_; }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return length_; }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  [[nodiscard]] const std::string& upgrade() const noexcept { return upgrade_; }
  [[nodiscard]] std::optional<unsigned> redirects() const noexcept { return redirects_; }
  [[nodiscard]] bool decodes() const noexcept { return decodes_; }
  [[nodiscard]] const interim_observer& on_interim() const noexcept { return interim_; }
  /// Whether sending it twice does the same as sending it once.
  [[nodiscard]] bool is_repeatable() const noexcept;
  [[nodiscard]] bool retries() const noexcept { return retries_ && is_repeatable(); }

  /// What is to be sent where a redirect leads (RFC 9110, section 15.4): to that URL, as GET where the status or custom
  /// says so, and without what another origin must not see.
  [[nodiscard]] client_request redirected(int status, absolute_url to) const;

 private:
  client_request& add(std::vector<own_field>& to, std::string_view name, std::string_view value, bool secret);

  std::string method_;
  std::shared_ptr<const absolute_url> url_;  // which its answers share
  std::vector<own_field> fields_;
  std::vector<own_field> trailers_;
  std::optional<std::string> body_;
  std::optional<std::uint64_t> length_;
  std::string upgrade_;
  interim_observer interim_;
  std::optional<unsigned> redirects_;
  bool expects_continue_ = false;
  bool retries_ = true;
  bool decodes_ = true;
};

namespace detail {

/// Whether sending it again does nothing more (RFC 9110, section 9.2.2).
[[nodiscard]] bool is_idempotent(method m) noexcept;

}  // namespace detail

}  // namespace wring::http
