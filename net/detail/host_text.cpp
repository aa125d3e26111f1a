// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <system_error>

#include <wring/net/detail/address_error.hpp>
#include <wring/net/detail/host_text.hpp>

namespace wring::net::detail {

namespace {

constexpr const char* what = "look up";
constexpr std::size_t longest_name = 254;  // 253 bytes and a dot: RFC 1035, section 2.3.4
constexpr std::size_t longest_service = 63;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Whether the last label is a number: then C libraries may take the name for an address, in one of its old forms.
bool ends_in_number(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (last.empty()) return false;
  if (std::ranges::all_of(last, is_digit)) return true;
  return (last.starts_with("0x") || last.starts_with("0X")) && std::ranges::all_of(last.substr(2), is_hex_digit);
}

/// What is wrong with a name, or null.
const char* problem_of_name(std::string_view host) noexcept {
  if (host.starts_with('[')) return "an address stands without brackets here";
  if (host.find(':') != std::string_view::npos) return "neither a host's name nor an IPv6 address";
  if (ends_in_number(host)) return "neither a host's name nor an IPv4 address of four decimals from 0 to 255";
  if (host.size() > longest_name) return "a host's name has at most 253 bytes";
  if (host.starts_with('.')) return "a host's name does not begin with a dot";
  if (host.find("..") != std::string_view::npos) return "there is nothing between two dots";
  for (const char c : host) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) return "a host's name is ASCII: write the xn-- form of others";
    if (byte <= ' ' || byte == 0x7f || c == '/' || c == '@' || c == '%') return "a byte that no host's name has";
  }
  return nullptr;
}

}  // namespace

result<std::optional<ip_address>> read_host(std::string_view host) noexcept {
  if (host.empty()) return bad_address(host, "the host is missing", what);
  const auto address = ip_address::parse(host);
  if (address) return std::optional(*address);
  if (host.find(':') != std::string_view::npos && host.find('%') != std::string_view::npos) {
    return bad_address(host, address.error().detail(), what);
  }
  if (const char* const problem = problem_of_name(host)) return bad_address(host, problem, what);
  return std::optional<ip_address>();
}

result<std::optional<std::uint16_t>> read_service(std::string_view service) noexcept {
  if (service.empty()) return std::optional<std::uint16_t>(std::uint16_t{0});
  if (std::ranges::all_of(service, is_digit)) {
    std::uint16_t port = 0;
    const char* const end = service.data() + service.size();
    const auto parsed = std::from_chars(service.data(), end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end || (service.front() == '0' && service.size() > 1)) {
      return bad_address(service, "a port is a number from 0 to 65535, without leading zeros", what);
    }
    return std::optional(port);
  }
  const bool printable = std::ranges::all_of(service, [](char c) { return c > ' ' && c < 0x7f; });
  if (service.size() > longest_service || !printable) {
    return bad_address(service, "neither a port nor the name of a service", what);
  }
  return std::optional<std::uint16_t>();
}

result<host_and_service> split_host(std::string_view text) noexcept {
  constexpr const char* connecting = "connect to";
  host_and_service parts;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return bad_address(text, "the bracket ] is missing", connecting);
    if (text.substr(bracket + 1, 1) != ":") {
      return bad_address(text, "the port is missing: write [ADDRESS]:PORT", connecting);
    }
    parts = {.host = text.substr(1, bracket - 1), .service = text.substr(bracket + 2)};
    if (parts.host.find(':') == std::string_view::npos) {
      return bad_address(text, "expected an IPv6 address between the brackets", connecting);
    }
  } else {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
      return bad_address(text, "the port is missing: write HOST:PORT", connecting);
    }
    parts = {.host = text.substr(0, colon), .service = text.substr(colon + 1)};
    if (parts.host.find(':') != std::string_view::npos) {
      return bad_address(text, "an IPv6 address with a port needs brackets: write [ADDRESS]:PORT", connecting);
    }
  }
  if (parts.host.empty()) return bad_address(text, "the host is missing", connecting);
  if (parts.service.empty()) return bad_address(text, "the port is missing: write HOST:PORT", connecting);
  return parts;
}

}  // namespace wring::net::detail
