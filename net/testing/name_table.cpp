// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include <wring/core/sleep.hpp>
#include <wring/core/steady_clock.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/detail/host_text.hpp>
#include <wring/net/testing/name_table.hpp>

namespace wring::testing {

namespace {

constexpr const char* what = "look up";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.ends_with('.')) a.remove_suffix(1);
  if (b.ends_with('.')) b.remove_suffix(1);
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_wanted(const net::ip_address& address, net::ip_family family) noexcept {
  return family == net::ip_family::any || address.is_v4() == (family == net::ip_family::v4);
}

[[noreturn]] void fail_about(errc code, std::string_view host) {
  net::detail::raise_about(error(code, what).with_address(error_address::from_text(host)), host);
}

class collected final : public net::address_sink {
 public:
  void add(std::span<const net::socket_address> addresses) override {
    all.insert(all.end(), addresses.begin(), addresses.end());
  }
  std::vector<net::socket_address> all;
};

}  // namespace

void name_table::add(std::string_view name, std::initializer_list<std::string_view> addresses, duration after) {
  std::vector<net::ip_address> parsed;
  for (const std::string_view address : addresses) parsed.emplace_back(address);
  std::vector<part>& parts = entry_of(name).parts;
  const auto place = std::ranges::upper_bound(parts, after, {}, &part::after);
  if (place != parts.begin() && std::prev(place)->after == after) {
    std::vector<net::ip_address>& same = std::prev(place)->addresses;
    same.insert(same.end(), parsed.begin(), parsed.end());
  } else {
    parts.insert(place, {.after = after, .addresses = std::move(parsed)});
  }
}

void name_table::fail(std::string_view name, errc code, duration after) {
  entry& e = entry_of(name);
  e.fault = code;
  e.fails_after = after;
}

std::size_t name_table::lookups(std::string_view name) const noexcept {
  const entry* const known = find(name);
  return known != nullptr ? known->lookups : 0;
}

task<std::vector<net::socket_address>> name_table::resolve(net::name_query query) {
  collected into;
  co_await resolve_in_parts(query, into);
  co_return std::move(into.all);
}

task<> name_table::resolve_in_parts(net::name_query query, net::address_sink& parts) {
  const auto literal = net::detail::read_host(query.host);
  if (!literal) net::detail::raise_about(literal.error(), query.host);
  const auto port = net::detail::read_service(query.service);
  if (!port) net::detail::raise_about(port.error(), query.service);
  if (!*port) {
    net::detail::raise_about(
        net::detail::bad_address(query.service, "a name_table knows no services: give the port's number", what),
        query.service);
  }
  if (*literal) {
    if (!is_wanted(**literal, query.family)) fail_about(errc::name_not_found, query.host);
    const net::socket_address address(**literal, **port);
    parts.add({&address, 1});
    co_return;
  }
  entry& asked = entry_of(query.host);
  ++asked.lookups;
  const entry now = asked;  // it may change meanwhile
  const auto begun = steady_clock::now();
  bool found = false;
  for (const part& each : now.parts) {
    std::vector<net::socket_address> wanted;
    for (const net::ip_address& address : each.addresses) {
      if (is_wanted(address, query.family)) wanted.emplace_back(address, **port);
    }
    if (wanted.empty()) continue;
    if (each.after > duration()) co_await sleep_until(begun + each.after);
    parts.add(wanted);
    found = true;
  }
  if (found) co_return;
  if (now.fails_after > duration()) co_await sleep_until(begun + now.fails_after);
  fail_about(now.fault, query.host);
}

const name_table::entry* name_table::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find_if(entries_, [&](const entry& e) { return same_name(e.name, name); });
  return found != entries_.end() ? &*found : nullptr;
}

name_table::entry& name_table::entry_of(std::string_view name) {
  if (const entry* const known = find(name)) return const_cast<entry&>(*known);
  return entries_.emplace_back(entry{.name = std::string(name)});
}

}  // namespace wring::testing
