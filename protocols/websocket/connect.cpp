// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <wring/core/buffer_lease.hpp>
#include <wring/core/engine/engine.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/response_parser.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/websocket/connect.hpp>
#include <wring/protocols/websocket/detail/deflate.hpp>
#include <wring/protocols/websocket/detail/handshake.hpp>

namespace wring::ws {

namespace {

using http::detail::equals_ignoring_case;

struct location {
  bool secure = false;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string authority;  // as Host names it
  std::string target;
};

[[noreturn]] void refuse(std::string_view url, const char* why) {
  throw std::invalid_argument("'" + std::string(url) + "' is no URL of a WebSocket: " + why);
}

location parse_url(std::string_view url) {
  location l;
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) refuse(url, "it has no ws:// or wss://");
  const std::string_view scheme = url.substr(0, colon);
  l.secure = equals_ignoring_case(scheme, "wss");
  if (!l.secure && !equals_ignoring_case(scheme, "ws")) refuse(url, "its scheme is neither ws nor wss");
  const std::string_view rest = url.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) refuse(url, "names and passwords go into a field");
  if (authority.empty() || !http::detail::is_authority(authority)) refuse(url, "its host is no name and port");
  const std::string_view host = http::detail::without_port(authority);
  l.authority = authority;
  l.host = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  l.port = l.secure ? 443 : 80;
  if (authority.size() > host.size() + 1) {
    const std::string_view port = authority.substr(host.size() + 1);
    const auto [at, fault] = std::from_chars(port.data(), port.data() + port.size(), l.port);
    if (fault != std::errc() || at != port.data() + port.size()) refuse(url, "its port is none");
  }
  l.target = rest.substr(end);
  if (!l.target.starts_with('/')) l.target.insert(0, 1, '/');
  for (const char c : l.target) {
    if (c == '#') refuse(url, "a WebSocket has no fragments");
    if (c <= ' ' || static_cast<unsigned char>(c) >= 0x7f) refuse(url, "a character of its path must be escaped");
  }
  return l;
}

/// What the handshake says itself.
bool is_own_field(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 11> own{
      "host",    "connection", "upgrade",          "content-length", "transfer-encoding",        "te",
      "trailer", "keep-alive", "proxy-connection", "expect",         "sec-websocket-extensions",
  };
  const bool of_websocket = name.size() > 14 && equals_ignoring_case(name.substr(0, 14), "sec-websocket-");
  return of_websocket || std::ranges::any_of(own, [&](std::string_view o) { return equals_ignoring_case(o, name); });
}

std::string make_request(const location& l, std::string_view key, const options& o,
                         std::span<const http::field> fields) {
  std::string text =
      "GET " + l.target + " HTTP/1.1\r\nHost: " + l.authority +
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";
  text.append(key).append("\r\n");
  for (std::size_t i = 0; i != o.protocols.size(); ++i) {
    if (!http::detail::is_token(o.protocols[i])) throw std::invalid_argument("a sub-protocol's name is no token");
    text.append(i == 0 ? "Sec-WebSocket-Protocol: " : ", ").append(o.protocols[i]);
  }
  if (!o.protocols.empty()) text += "\r\n";
  if (const std::string_view offer = detail::deflate_offer(o.compress); !offer.empty()) {
    text.append("Sec-WebSocket-Extensions: ").append(offer).append("\r\n");
  }
  for (const http::field& f : fields) {
    if (!http::detail::is_token(f.name) || is_own_field(f.name) ||
        !std::ranges::all_of(f.value, http::detail::is_value_character)) {
      throw std::invalid_argument("the field '" + std::string(f.name) + "' cannot be sent with a handshake");
    }
    text.append(f.name).append(": ").append(f.value).append("\r\n");
  }
  text += "\r\n";
  return text;
}

/// The answer's head, and what has come behind it.
class answer {
 public:
  answer() : block_(scheduler::current().blocks().acquire(block_pool::sizes.front())), store_(memory()) {}

  [[nodiscard]] task<> read(net::stream_ref from) {
    for (;;) {
      buffer_lease got = co_await from.read_some();
      if (got.empty())
        throw io_error(error(errc::unexpected_eof, "shake hands with").with_address(from.peer_address()));
      const bool done = feed(got);
      if (!done) continue;
      if (!got.empty()) ahead = buffer_lease::copy_of({got.data(), got.size()});
      co_return;
    }
  }
  [[nodiscard]] int status() const noexcept { return parser_.facts().status; }
  [[nodiscard]] http::fields fields() const noexcept { return store_.all(); }
  [[nodiscard]] bool switches() const noexcept { return parser_.facts().upgrade; }

  buffer_lease ahead;

 private:
  [[nodiscard]] std::span<std::byte> memory() const noexcept { return {block_.data(), block_.size()}; }

  bool feed(buffer_lease& got) {
    using status = http::detail::response_parser::status;
    while (!got.empty()) {
      const auto step = parser_.feed({got.data(), got.size()}, store_);
      got.consume(step.consumed);
      switch (step.state) {
        case status::done:
          return true;
        case status::refused:
          throw handshake_error(0, std::string("the answer to a handshake is no HTTP: ") + parser_.why().reason);
        case status::no_room: {
          buffer_lease larger = scheduler::current().blocks().acquire(2 * block_.size());
          store_.move_to({larger.data(), larger.size()});
          block_ = std::move(larger);
          break;
        }
        case status::interim:
        case status::incomplete:
          break;
      }
    }
    return false;
  }

  buffer_lease block_;
  http::detail::head_store store_;
  http::detail::response_parser parser_{{.method = http::method::get, .upgrade = true}, {}};
};

/// The sub-protocol.
std::string check_answer(const answer& a, std::string_view key, const options& o) {
  if (a.status() != 101) {
    throw handshake_error(a.status(), "a server has refused a WebSocket with " + std::to_string(a.status()));
  }
  const http::fields fields = a.fields();
  if (!a.switches() || !equals_ignoring_case(fields.find("upgrade").value_or(""), "websocket")) {
    throw handshake_error(101, "a server goes on with another protocol than WebSocket");
  }
  if (fields.find("sec-websocket-accept") != detail::accept_value(key)) {
    throw handshake_error(101, "a server has not understood the WebSocket handshake: Sec-WebSocket-Accept is wrong");
  }
  const std::string_view protocol = fields.find("sec-websocket-protocol").value_or("");
  if (!protocol.empty() && std::ranges::find(o.protocols, protocol) == o.protocols.end()) {
    throw handshake_error(101, "a server speaks a sub-protocol that was not offered: " + std::string(protocol));
  }
  return std::string(protocol);
}

task<socket> shake_hands(net::any_stream& stream, const location& l, const options& o,
                         std::span<const http::field> fields) {
  std::array<char, 16> random;
  scheduler::current().engine().random(std::as_writable_bytes(std::span(random)));
  const std::string key = http::detail::encode_base64({random.data(), random.size()});
  const std::string request = make_request(l, key, o, fields);
  co_await stream.write_all(request);
  answer a;
  co_await a.read(stream);
  const std::string protocol = check_answer(a, key, o);
  const detail::deflate_answered deflate = detail::read_deflate_answer(a.fields(), o.compress);
  if (deflate.wrong) throw handshake_error(101, "a server uses an extension that was not offered");
  co_return socket(std::make_unique<detail::socket_core>(detail::side::client, std::move(stream), std::move(a.ahead), o,
                                                         protocol, deflate.terms, nullptr));
}

}  // namespace

task<socket> connect(net::connector_ref through, std::string_view url, options o, std::span<const http::field> fields) {
  const location l = parse_url(url);
  const net::connect_target target{
      .kind = l.secure ? net::connection_kind::tls : net::connection_kind::tcp, .host = l.host, .port = l.port};
  net::any_stream stream = co_await through.connect(target);
  co_return co_await with_timeout(o.handshake, shake_hands(stream, l, o, fields));
}

task<socket> connect(net::any_stream stream, std::string_view url, options o, std::span<const http::field> fields) {
  const location l = parse_url(url);
  co_return co_await with_timeout(o.handshake, shake_hands(stream, l, o, fields));
}

}  // namespace wring::ws
