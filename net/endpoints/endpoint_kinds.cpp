// SPDX-License-Identifier: MIT
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <wring/net/endpoints/detail/standard_kinds.hpp>
#include <wring/net/endpoints/detail/standard_streams.hpp>
#include <wring/net/endpoints/endpoint_kinds.hpp>

namespace wring::net {

namespace {

using inherited = std::shared_ptr<std::vector<inherited_socket>>;

enum class family { any, v4, v6, local };

family take_domain(endpoint_arguments& arguments, const std::string& domain) {
  if (domain == "INET") return family::v4;
  if (domain == "INET6") return family::v6;
  if (domain == "UNIX") return family::local;
  arguments.refuse("domain", "is none of INET, INET6 and UNIX");
}

bool is_of(const inherited_socket& s, family wanted) noexcept {
  switch (wanted) {
    case family::v4:
      return s.address.is_v4();
    case family::v6:
      return s.address.is_v6();
    case family::local:
      return s.address.is_unix();
    case family::any:
      break;
  }
  return true;
}

std::size_t find_named(const inherited& sockets, endpoint_arguments& arguments, const std::string& name) {
  std::string known;
  for (std::size_t i = 0; i != sockets->size(); ++i) {
    if ((*sockets)[i].name == name) return i;
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", (*sockets)[i].name);
  }
  arguments.refuse("name",
                   known.empty() ? "is not there: nothing was passed on" : fmt::format("is not there, but {}", known));
}

any_listener take(inherited_socket& s, const std::string& text) {
  if (s.fd.get() < 0) throw std::logic_error(fmt::format("{} is listened on already", text));
  return s.take_listener();
}

server_endpoint systemd_server(endpoint_arguments& arguments, const inherited& sockets) {
  std::size_t index = 0;
  if (const std::optional<std::string> domain = arguments.take("domain")) {
    const family wanted = take_domain(arguments, *domain);
    constexpr std::size_t none = unlimited;
    index = arguments.take_number("index", none, 0, none - 1);
    if (index == none) throw endpoint_error(arguments.text(), arguments.text().size(), "index is missing");
    if (index >= sockets->size()) {
      arguments.refuse("index", fmt::format("is not there: {} were passed on", sockets->size()));
    }
    if (!is_of((*sockets)[index], wanted)) arguments.refuse("domain", "is not that of the socket");
  } else {
    index = find_named(sockets, arguments, arguments.require("name"));
  }
  if ((*sockets)[index].kind != inherited_kind::listener) arguments.refuse({}, "the socket does not listen");
  return {arguments.text(), [sockets, index, text = arguments.text()]() -> task<any_listener> {
            co_return take((*sockets)[index], text);
          }};
}

template <class Functions>
const typename Functions::mapped_type& find(const Functions& kinds, const endpoint_arguments& arguments,
                                            std::string_view side) {
  if (const auto found = kinds.find(arguments.kind()); found != kinds.end()) return found->second;
  std::string known;
  for (const auto& [name, make] : kinds) known += (known.empty() ? "" : ", ") + name;
  throw endpoint_error(arguments.text(), 0,
                       fmt::format("there is no kind of {} \"{}\", but {}", side, arguments.kind(), known));
}

// Of a kind that wraps no other.
template <class Made>
auto alone(Made (*make)(endpoint_arguments&)) {
  return [make](endpoint_arguments& arguments, const endpoint_kinds&) { return make(arguments); };
}

template <class Function>
void check(const std::string& name, const Function& make) {
  if (name.empty() || !make) throw std::invalid_argument("a kind of endpoint needs a name and a function");
}

}  // namespace

endpoint_kinds::endpoint_kinds() {
  add_server("tcp", alone(detail::tcp_server));
  add_server("tcp6", alone(detail::tcp6_server));
  add_server("unix", alone(detail::unix_server));
  add_server("fd", alone(detail::fd_server));
  add_server("stdio", alone(detail::stdio_server));
  add_server("proxy", [](endpoint_arguments& arguments, const endpoint_kinds& kinds) {
    return detail::proxy_server(arguments, kinds.server(arguments.require_inner()));
  });
  add_client("tcp", alone(detail::tcp_client));
  add_client("unix", alone(detail::unix_client));
  add_client("fd", alone(detail::fd_client));
  add_client("stdio", alone(detail::stdio_client));
}

void endpoint_kinds::add_server(std::string name, server_function make) {
  check(name, make);
  servers_.insert_or_assign(std::move(name), std::move(make));
}

void endpoint_kinds::add_client(std::string name, client_function make) {
  check(name, make);
  clients_.insert_or_assign(std::move(name), std::move(make));
}

void endpoint_kinds::add_systemd(std::vector<inherited_socket> sockets) {
  add_server("systemd",
             [shared = std::make_shared<std::vector<inherited_socket>>(std::move(sockets))](
                 endpoint_arguments& arguments, const endpoint_kinds&) { return systemd_server(arguments, shared); });
}

void endpoint_kinds::add_processes() { add_client("process", alone(detail::process_client)); }

server_endpoint endpoint_kinds::server(std::string_view text) const {
  endpoint_arguments arguments(text);
  server_endpoint made = find(servers_, arguments, "server")(arguments, *this);
  arguments.finish();
  return made;
}

client_endpoint endpoint_kinds::client(std::string_view text) const {
  endpoint_arguments arguments(text);
  client_endpoint made = find(clients_, arguments, "client")(arguments, *this);
  arguments.finish();
  return made;
}

}  // namespace wring::net
