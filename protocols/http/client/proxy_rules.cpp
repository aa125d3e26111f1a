// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <wring/net/ip_address.hpp>
#include <wring/protocols/http/client/proxy_rules.hpp>
#include <wring/protocols/http/detail/base64.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/url.hpp>

namespace wring::http {

namespace {

std::string_view environment(const char* name, const char* other = nullptr) noexcept {
  const char* value = std::getenv(name);
  if (value == nullptr && other != nullptr) value = std::getenv(other);
  return value != nullptr ? value : std::string_view();
}

bool is_in_domain(std::string_view host, std::string_view domain) noexcept {
  if (!host.ends_with(domain)) return false;
  return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

std::optional<proxy_server> proxy_rules::server_of(std::string_view url) {
  if (url.empty()) return std::nullopt;
  // As it is mostly written in the environment.
  const std::string whole = url.find("://") == std::string_view::npos ? "http://" + std::string(url) : std::string(url);
  const std::optional<absolute_url> parsed = absolute_url::parse(whole);
  if (!parsed || parsed->scheme() != url_scheme::http) {
    throw std::invalid_argument("not the URL of a proxy, which begins as http://HOST:PORT: \"" +
                                std::string(url.substr(0, 200)) + "\"");
  }
  proxy_server server{.host = parsed->host(), .port = parsed->port(), .authorization = {}};
  if (!parsed->user_info().empty()) {
    std::string user = percent_decode(parsed->user_info()).value_or("");
    if (user.find(':') == std::string::npos) user += ':';
    server.authorization = "Basic " + detail::encode_base64(user);
  }
  return server;
}

void proxy_rules::except(std::string_view list) {
  detail::for_each_element(list, [this](std::string_view element) {
    if (element == "*") {
      never_ = true;
      return;
    }
    if (const auto network = net::ip_network::parse(element)) {
      exceptions_.push_back({.host = {}, .network = *network});
      return;
    }
    const std::string_view host = detail::without_port(element);
    exception e;
    if (host.size() < element.size()) {
      const std::string_view port = element.substr(host.size() + 1);
      if (port.empty() || !detail::is_port(port)) return;
      e.port = static_cast<std::uint16_t>(std::stoul(std::string(port)));
    }
    e.host = host.starts_with('.') ? host.substr(1) : host;
    if (e.host.starts_with('[') && e.host.ends_with(']')) e.host = e.host.substr(1, e.host.size() - 2);
    std::ranges::transform(e.host, e.host.begin(), detail::lower);
    if (!e.host.empty()) exceptions_.push_back(std::move(e));
  });
}

proxy_rules::proxy_rules(std::string_view url, std::string_view except_these) : http_(server_of(url)), https_(http_) {
  except(except_these);
}

proxy_rules proxy_rules::from_environment() {
  proxy_rules made;
  made.http_ = server_of(environment("http_proxy"));
  made.https_ = server_of(environment("https_proxy", "HTTPS_PROXY"));
  made.except(environment("no_proxy", "NO_PROXY"));
  return made;
}

const proxy_server* proxy_rules::proxy_for(const absolute_url& url) const noexcept {
  if (never_ || url.scheme() == url_scheme::http_unix) return nullptr;
  const std::optional<proxy_server>& proxy = url.scheme() == url_scheme::https ? https_ : http_;
  if (!proxy) return nullptr;
  const auto ip = net::ip_address::parse(url.host());
  const bool excepted = std::ranges::any_of(exceptions_, [&](const exception& e) {
    if (e.network) return ip && e.network->contains(*ip);
    return (e.port == 0 || e.port == url.port()) && is_in_domain(url.host(), e.host);
  });
  return excepted ? nullptr : &*proxy;
}

}  // namespace wring::http
