// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <net/if.h>
#include <system_error>

#include <fmt/format.h>

#include <wring/core/detail/ip_text.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/ip_address.hpp>

namespace wring::net {
namespace {

/// `text` with an end, for C functions; empty if it does not fit or holds a NUL.
template <std::size_t Size>
class c_string {
 public:
  explicit c_string(std::string_view text) noexcept {
    if (text.size() < Size && text.find('\0') == std::string_view::npos) std::ranges::copy(text, text_.begin());
  }
  const char* get() const noexcept { return text_.data(); }

 private:
  std::array<char, Size> text_{};
};

/// The scope in `name`, the end of the address `text`: a number or an interface.
result<std::uint32_t> parse_scope(std::string_view name, std::string_view text) noexcept {
  if (name.empty()) return detail::bad_address(text, "the scope after % is missing");
  if (name.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint32_t number = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (problem != std::errc() || name.front() == '0') {
      return detail::bad_address(text, "a scope's number is from 1 to 4294967295, without leading zeros");
    }
    return number;
  }
  const c_string<IF_NAMESIZE> terminated(name);
  if (const auto number = ::if_nametoindex(terminated.get()); number != 0) return number;
  if (errno == ENODEV || errno == EINVAL) {
    return detail::bad_address(text, "no network interface has the name after %");
  }
  return error::from_errno(errno, "find the interface of").with_address(error_address::from_text(text));
}

}  // namespace

ip_address::ip_address(std::string_view text) {
  const auto parsed = parse(text);
  if (!parsed) detail::raise_about(parsed.error(), text);
  *this = *parsed;
}

result<ip_address> ip_address::parse(std::string_view text) noexcept {
  if (text.empty()) return detail::bad_address(text, "it is empty");

  v4_bytes v4{};
  const c_string<INET6_ADDRSTRLEN> whole(text);
  if (::inet_pton(AF_INET, whole.get(), v4.data()) == 1) return ip_address(v4);

  v6_bytes v6{};
  const auto percent = text.find('%');
  const c_string<INET6_ADDRSTRLEN> without_scope(text.substr(0, percent));
  if (::inet_pton(AF_INET6, without_scope.get(), v6.data()) == 1) {
    if (percent == std::string_view::npos) return ip_address(v6);
    if (!ip_address(v6).takes_scope()) {
      return detail::bad_address(text, "only a link-local address has a scope, the part after %");
    }
    const auto scope = parse_scope(text.substr(percent + 1), text);
    if (!scope) return scope.error();
    return ip_address(v6, *scope);
  }

  return detail::bad_address(text, "expected something like 192.0.2.1, 2001:db8::1 or fe80::1%eth0");
}

std::string ip_address::to_string() const {
  std::string out;
  if (is_v6_) {
    wring::detail::append_ipv6(out, bytes_, scope_id_);
  } else {
    wring::detail::append_ipv4(out, std::span(bytes_).first<4>());
  }
  return out;
}

}  // namespace wring::net

auto std::hash<wring::net::ip_address>::operator()(const wring::net::ip_address& a) const noexcept -> std::size_t {
  const auto bytes = a.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return std::hash<std::string_view>()(text) ^ a.scope_id();
}

auto fmt::formatter<wring::net::ip_address>::format(const wring::net::ip_address& a, fmt::format_context& context) const
    -> fmt::format_context::iterator {
  return fmt::formatter<fmt::string_view>::format(a.to_string(), context);
}
