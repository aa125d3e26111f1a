// SPDX-License-Identifier: MIT
#include <wring/core/scheduler.hpp>
#include <wring/net/detail/chosen_resolver.hpp>
#include <wring/net/resolver.hpp>

namespace wring::net {

resolver::~resolver() = default;

task<> resolver::resolve_in_parts(name_query query, address_sink& parts) {
  const std::vector<socket_address> all = co_await resolve(query);
  parts.add(all);
}

void use_resolver(resolver* chosen) { scheduler::current().service<detail::chosen_resolver>().by_program = chosen; }

}  // namespace wring::net
