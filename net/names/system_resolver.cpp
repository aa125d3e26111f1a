// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <wring/core/scheduler.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/detail/chosen_resolver.hpp>
#include <wring/net/detail/host_text.hpp>
#include <wring/net/names/system_resolver.hpp>

namespace wring::net {

namespace {

int family_number(ip_family family) noexcept {
  return family == ip_family::v4 ? AF_INET : family == ip_family::v6 ? AF_INET6 : AF_UNSPEC;
}

resolver* world_resolver() {
  const auto* const chosen = scheduler::current().try_service<detail::chosen_resolver>();
  return chosen != nullptr ? chosen->of_world : nullptr;
}

/// The question in its parts: what can be answered without asking anybody is.
struct understood_query {
  std::optional<ip_address> address;
  std::optional<std::uint16_t> port;
};

understood_query understand(const name_query& query) {
  const auto address = detail::read_host(query.host);
  if (!address) detail::raise_about(address.error(), query.host);
  const auto port = detail::read_service(query.service);
  if (!port) detail::raise_about(port.error(), query.service);
  if (*address && query.family != ip_family::any && (*address)->is_v4() != (query.family == ip_family::v4)) {
    detail::raise_about(error(errc::name_not_found, "look up")
                            .with_address(error_address::from_text(query.host))
                            .with_detail("it is an address of the other family"),
                        query.host);
  }
  return {.address = *address, .port = *port};
}

/// What the text of an error is to name.
std::string_view subject(const error& fault, const name_query& query) noexcept {
  return fault == errc::bad_address ? query.service : query.host;
}

std::vector<socket_address> with_port(std::span<const socket_address> addresses, std::optional<std::uint16_t> port) {
  std::vector<socket_address> all(addresses.begin(), addresses.end());
  if (port) {
    for (socket_address& address : all) address = address.with_port(*port);
  }
  return all;
}

}  // namespace

/// A task's part in a lookup that others may share.
class system_resolver::use {
 public:
  use(system_resolver& resolver, std::shared_ptr<detail::lookup> l) noexcept
      : resolver_(resolver), lookup_(std::move(l)) {
    lookup_->join();
  }
  use(const use&) = delete;
  use& operator=(const use&) = delete;
  ~use() {
    if (lookup_->leave()) std::erase(resolver_.under_way_, lookup_);
  }

  detail::lookup* operator->() const noexcept { return lookup_.get(); }

 private:
  system_resolver& resolver_;
  std::shared_ptr<detail::lookup> lookup_;
};

task<std::vector<socket_address>> system_resolver::resolve(name_query query) {
  if (resolver* const world = world_resolver()) co_return co_await world->resolve(query);
  const understood_query known = understand(query);
  if (known.address && known.port) co_return std::vector(1, socket_address(*known.address, *known.port));
  const use mine(*this, find_or_begin(query, known.address.has_value(), known.port.has_value()));
  while (!mine->ended()) co_await mine->progress(mine->parts().size());
  if (mine->fault()) detail::raise_about(*mine->fault(), subject(*mine->fault(), query));
  co_return with_port(mine->all(), known.port);
}

task<> system_resolver::resolve_in_parts(name_query query, address_sink& parts) {
  if (resolver* const world = world_resolver()) {
    co_await world->resolve_in_parts(query, parts);
    co_return;
  }
  const understood_query known = understand(query);
  if (known.address && known.port) {
    const socket_address address(*known.address, *known.port);
    parts.add({&address, 1});
    co_return;
  }
  const use mine(*this, find_or_begin(query, known.address.has_value(), known.port.has_value()));
  std::size_t seen = 0;
  do {
    co_await mine->progress(seen);
    const std::vector<socket_address> fresh = with_port(mine->parts().subspan(seen), known.port);
    seen += fresh.size();
    if (!fresh.empty()) parts.add(fresh);
  } while (!mine->ended());
  if (mine->fault()) detail::raise_about(*mine->fault(), subject(*mine->fault(), query));
}

std::shared_ptr<detail::lookup> system_resolver::find_or_begin(const name_query& query, bool numeric_host,
                                                               bool numeric_port) {
  const std::string_view service = numeric_port ? std::string_view() : query.service;
  const int family = family_number(query.family);
  for (const auto& each : under_way_) {
    const wring::detail::name_request& asked = each->request();
    if (!each->ended() && asked.host == query.host && asked.service == service && asked.family == family) return each;
  }
  const auto begun = std::make_shared<detail::lookup>(
      wring::detail::name_request(std::string(query.host), std::string(service), family, numeric_host));
  begun->start(begun, ask_, options_.hedge_delay);
  under_way_.push_back(begun);
  return begun;
}

}  // namespace wring::net
