// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <wring/core/error.hpp>
#include <wring/core/log.hpp>
#include <wring/core/timeout.hpp>
#include <wring/protocols/http/client/connect_proxy.hpp>
#include <wring/protocols/http/client/detail/join_streams.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>

namespace wring::http {

namespace {

std::uint16_t port_of(std::string_view text) noexcept {
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

bool equals_lower(std::string_view text, std::string_view lower) noexcept {
  return detail::equals_ignoring_case(text, lower);
}

}  // namespace

connect_proxy::connect_proxy(net::connector_ref connector, const std::vector<std::string>& allowed, duration connect)
    : connector_(connector), connect_(connect) {
  for (const std::string& text : allowed) {
    const std::size_t colon = text.rfind(':');
    const std::string port = colon == std::string::npos ? std::string() : text.substr(colon + 1);
    std::string host = text.substr(0, colon);
    const bool any_port = port == "*";
    if (port.empty() || (!any_port && (!detail::is_port(port) || port_of(port) == 0))) {
      throw std::invalid_argument("what a connect_proxy allows has no port, or \"*\": \"" + text + "\"");
    }
    if (host == "*") {
      host.clear();
    } else {
      if (host.starts_with("*.")) host.erase(0, 1);
      const std::string_view name = host.starts_with('.') ? std::string_view(host).substr(1) : std::string_view(host);
      if (!detail::is_authority(name) || detail::without_port(name) != name) {
        throw std::invalid_argument("what a connect_proxy allows is no host and port: \"" + text + "\"");
      }
    }
    std::ranges::transform(host, host.begin(), detail::lower);
    allowed_.push_back({std::move(host), any_port ? std::uint16_t{0} : port_of(port)});
  }
}

bool connect_proxy::allows(std::string_view authority) const noexcept {
  const std::string_view host = detail::without_port(authority);
  if (host.size() + 1 >= authority.size()) return false;
  const std::uint16_t port = port_of(authority.substr(host.size() + 1));
  return std::ranges::any_of(allowed_, [&](const place& p) {
    if (p.port != 0 && p.port != port) return false;
    if (p.host.empty()) return true;
    if (!p.host.starts_with('.')) return equals_lower(host, p.host);
    return host.size() > p.host.size() && equals_lower(host.substr(host.size() - p.host.size()), p.host);
  });
}

task<> connect_proxy::serve(request& rq, response& rs) {
  const std::string_view authority = rq.authority();
  if (!allows(authority)) {
    rs.fail(403, "there is no tunnel to this host and port");
    co_return;
  }
  std::string_view host = detail::without_port(authority);
  const std::uint16_t port = port_of(authority.substr(host.size() + 1));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const net::connect_target target{.kind = net::connection_kind::tcp, .host = host, .port = port};
  auto made = co_await with_timeout(connect_, connector_.connect(target)).result();
  if (!made) {
    log::warn("a tunnel could not be made", {"to", authority}, {"error", made.error().message()});
    rs.fail(made.error() == std::errc::timed_out ? 504 : 502);
    co_return;
  }
  net::any_stream client = co_await rs.upgrade();
  co_await detail::join_streams(client, *made);
}

}  // namespace wring::http
