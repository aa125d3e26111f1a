// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/core/timeout.hpp>
#include <wring/net/endpoints/detail/standard_kinds.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/ip_network.hpp>
#include <wring/net/proxy_listener.hpp>
#include <wring/net/unix_listener.hpp>
#include <wring/net/unix_stream.hpp>

namespace wring::net::detail {

namespace {

constexpr std::size_t largest_int = std::numeric_limits<int>::max();

int take_backlog(endpoint_arguments& arguments) {
  return static_cast<int>(arguments.take_number("backlog", 4096, 1, largest_int));
}

ip_address read_address(endpoint_arguments& arguments, std::string_view name, std::string_view text) {
  const result<ip_address> address = ip_address::parse(text);
  if (!address) arguments.refuse(name, "is not an IP address (in one of IPv6, escape each colon: \"\\:\")");
  return *address;
}

server_endpoint listen_at(const endpoint_arguments& arguments, tcp_listen_options options) {
  return {arguments.text(), [options]() -> task<any_listener> {
            tcp_listener made = co_await listen_tcp(options);
            co_return any_listener(std::move(made));
          }};
}

unsigned take_mode(endpoint_arguments& arguments, std::string_view text) {
  unsigned mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7' || mode > 0777) arguments.refuse("mode", "is not a file's permissions, such as 660");
    mode = mode * 8 + static_cast<unsigned>(c - '0');
  }
  if (text.empty() || mode > 0777) arguments.refuse("mode", "is not a file's permissions, such as 660");
  return mode;
}

template <class Listener>
any_listener through_proxy(Listener& inner, const std::vector<ip_network>& trusted) {
  return any_listener(std::in_place_type<proxy_listener<Listener>>, std::move(inner), trusted);
}

int take_descriptor(endpoint_arguments& arguments) {
  const std::size_t none = largest_int;
  const std::size_t number = arguments.take_number("fileno", none, 0, none - 1);
  if (number == none) throw endpoint_error(arguments.text(), arguments.text().size(), "fileno is missing");
  return static_cast<int>(number);
}

any_listener adopt_any_listener(int fd) {
  try {
    return any_listener(tcp_listener::adopt(fd));
  } catch (const io_error& e) {
    if (e.code() != std::errc::invalid_argument) throw;
  }
  return any_listener(unix_listener::adopt(fd));
}

any_stream adopt_any_stream(int fd) {
  try {
    return any_stream(tcp_stream::adopt(fd));
  } catch (const io_error& e) {
    if (e.code() != std::errc::wrong_protocol_type) throw;
  }
  return any_stream(unix_stream::adopt(fd));
}

}  // namespace

void take_listen_place(endpoint_arguments& arguments, tcp_listen_options& options) {
  if (const std::optional<std::string> text = arguments.take("interface"); text && !text->empty()) {
    options.address = read_address(arguments, "interface", *text);
    options.dual_stack = false;
  }
  options.backlog = take_backlog(arguments);
}

name_connect_options take_connect_options(endpoint_arguments& arguments) {
  name_connect_options options;
  options.timeout = arguments.take_seconds("timeout", std::chrono::seconds(30));
  if (const std::optional<std::string> text = arguments.take("bindAddress"); text && !text->empty()) {
    options.local = socket_address(read_address(arguments, "bindAddress", *text), 0);
  }
  return options;
}

server_endpoint tcp_server(endpoint_arguments& arguments) {
  tcp_listen_options options;
  options.port = arguments.require_port("port");
  take_listen_place(arguments, options);
  return listen_at(arguments, options);
}

server_endpoint tcp6_server(endpoint_arguments& arguments) {
  tcp_listen_options options;
  options.port = arguments.require_port("port");
  take_listen_place(arguments, options);
  if (options.address.is_v4()) arguments.refuse("interface", "is not an IPv6 address");
  options.dual_stack = false;
  return listen_at(arguments, options);
}

server_endpoint unix_server(endpoint_arguments& arguments) {
  std::string path = arguments.require("address");
  unix_listen_options options;
  if (const std::optional<std::string> text = arguments.take("mode")) options.mode = take_mode(arguments, *text);
  options.backlog = take_backlog(arguments);
  options.replace_stale = arguments.take_flag("lockfile", true);
  return {arguments.text(), [path = std::move(path), options]() -> task<any_listener> {
            unix_listener made = co_await listen_unix(std::string_view(path), options);
            co_return any_listener(std::move(made));
          }};
}

server_endpoint fd_server(endpoint_arguments& arguments) {
  const int fd = take_descriptor(arguments);
  return {arguments.text(), [fd]() -> task<any_listener> { co_return adopt_any_listener(fd); }};
}

server_endpoint proxy_server(endpoint_arguments& arguments, server_endpoint inner) {
  std::vector<ip_network> trusted;
  if (const std::optional<std::string> networks = arguments.take("trusted")) {
    for (std::size_t begin = 0; begin <= networks->size();) {
      const std::size_t end = std::min(networks->find(',', begin), networks->size());
      const result<ip_network> network = ip_network::parse(std::string_view(*networks).substr(begin, end - begin));
      if (!network) arguments.refuse("trusted", "is not a list of networks, such as 10.0.0.0/8,192.0.2.1");
      trusted.push_back(*network);
      begin = end + 1;
    }
  }
  return {arguments.text(), [inner = std::move(inner), trusted = std::move(trusted)]() -> task<any_listener> {
            any_listener made = co_await inner.listen();
            if (auto* const tcp = made.target<tcp_listener>()) co_return through_proxy(*tcp, trusted);
            if (auto* const local = made.target<unix_listener>()) co_return through_proxy(*local, trusted);
            throw std::invalid_argument("a proxy's header comes first: wrap a tcp, unix, fd or systemd endpoint, not " +
                                        inner.text());
          }};
}

client_endpoint tcp_client(endpoint_arguments& arguments) {
  std::string host = arguments.require("host");
  const std::uint16_t port = arguments.require_port("port");
  const name_connect_options options = take_connect_options(arguments);
  return {arguments.text(), [host = std::move(host), port, options]() -> task<any_stream> {
            tcp_stream made = co_await connect_tcp(std::string_view(host), port, options);
            co_return any_stream(std::move(made));
          }};
}

client_endpoint unix_client(endpoint_arguments& arguments) {
  std::string path = arguments.require("path");
  unix_connect_options options;
  options.timeout = arguments.take_seconds("timeout", std::chrono::seconds(30));
  return {arguments.text(), [path = std::move(path), options]() -> task<any_stream> {
            unix_stream made = co_await connect_unix(std::string_view(path), options);
            co_return any_stream(std::move(made));
          }};
}

client_endpoint fd_client(endpoint_arguments& arguments) {
  const int fd = take_descriptor(arguments);
  return {arguments.text(), [fd]() -> task<any_stream> { co_return adopt_any_stream(fd); }};
}

}  // namespace wring::net::detail
