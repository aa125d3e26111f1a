// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/net/ip_network.hpp>
#include <wring/protocols/http/absolute_url.hpp>

namespace wring::http {

/// A proxy that speaks HTTP.
struct proxy_server {
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;  ///< of Proxy-Authorization; empty: none is sent
};

/// Through which proxy a client is to send a request. A value.
class WRING_API proxy_rules {
 public:
  /// None.
  proxy_rules() = default;
  /// Through the proxy at this URL, "http://name:password@proxy.example:3128", all that is http or https but what
  /// `except` names: a list with commas of hosts, which mean their sub-domains too (a leading dot changes nothing),
  /// addresses, networks in CIDR notation, hosts with a port, and "*" for all. Throws std::invalid_argument for a URL
  /// that is not of http.
  explicit proxy_rules(std::string_view url, std::string_view except = {});

  /// What http_proxy, https_proxy and no_proxy say, in lower case: HTTP_PROXY is what a CGI script gets from the header
  /// field Proxy, so from anybody. HTTPS_PROXY and NO_PROXY are read where those in lower case are not set. Throws
  /// std::invalid_argument for a value that is no URL of http.
  [[nodiscard]] static proxy_rules from_environment();

  /// Null: none.
  [[nodiscard]] const proxy_server* proxy_for(const absolute_url& url) const noexcept;

 private:
  struct exception {
    std::string host;  // empty: a network
    std::optional<net::ip_network> network;
    std::uint16_t port = 0;  // 0: any
  };

  [[nodiscard]] static std::optional<proxy_server> server_of(std::string_view url);
  void except(std::string_view list);

  std::optional<proxy_server> http_;
  std::optional<proxy_server> https_;
  std::vector<exception> exceptions_;
  bool never_ = false;
};

}  // namespace wring::http
