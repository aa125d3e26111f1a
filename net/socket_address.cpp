// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

#include <wring/core/detail/escape.hpp>
#include <wring/net/detail/address_error.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::net {
namespace {

constexpr std::size_t head = offsetof(sockaddr_un, sun_path);
constexpr char path_too_long[] = "a unix socket's path has at most 107 bytes";
constexpr char name_too_long[] = "a unix socket's abstract name has at most 107 bytes";
constexpr char path_with_nul[] = "a path cannot hold a NUL byte";
static_assert(socket_address::max_path == 107);

std::optional<unsigned> hex_byte(std::string_view digits) noexcept {
  unsigned value = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value, 16);
  if (digits.size() != 2 || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

/// Takes a byte, as it is or escaped, from the front of `text`. Nothing if a backslash makes no sense.
std::optional<char> take_byte(std::string_view& text) noexcept {
  const auto take = [&](std::size_t size, char byte) {
    text.remove_prefix(size);
    return byte;
  };
  if (text.front() != '\\') return take(1, text.front());
  switch (text.size() > 1 ? text[1] : '\0') {
    case '\\':
      return take(2, '\\');
    case '@':
      return take(2, '@');
    case 'n':
      return take(2, '\n');
    case 'r':
      return take(2, '\r');
    case 't':
      return take(2, '\t');
    case 'x':
      if (const auto byte = hex_byte(text.substr(2, 2))) return take(4, static_cast<char>(*byte));
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

result<std::uint16_t> parse_port(std::string_view digits, std::string_view text) noexcept {
  std::uint16_t port = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || (digits.front() == '0' && digits.size() > 1)) {
    return detail::bad_address(text, "the port must be a number from 0 to 65535, without leading zeros");
  }
  return port;
}

/// The IP address and the port in `text`, still as text.
struct parts {
  std::string_view ip;
  std::string_view port;
};

result<parts> split(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return detail::bad_address(text, "the bracket ] is missing");
    if (!text.substr(bracket + 1).starts_with(':')) {
      return detail::bad_address(text, "the port is missing: write [ADDRESS]:PORT");
    }
    return parts{.ip = text.substr(1, bracket - 1), .port = text.substr(bracket + 2)};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return detail::bad_address(text, "the port is missing: write ADDRESS:PORT");
  if (text.find(':', colon + 1) != std::string_view::npos) {
    return detail::bad_address(text, "an IPv6 address with a port needs brackets: write [ADDRESS]:PORT");
  }
  return parts{.ip = text.substr(0, colon), .port = text.substr(colon + 1)};
}

}  // namespace

socket_address::socket_address(const ip_address& ip, std::uint16_t port) noexcept {
  if (ip.is_v4()) {
    raw_.v4.sin_family = AF_INET;
    raw_.v4.sin_port = htons(port);
    std::memcpy(&raw_.v4.sin_addr, ip.bytes().data(), sizeof raw_.v4.sin_addr);
    size_ = sizeof raw_.v4;
  } else {
    raw_.v6.sin6_family = AF_INET6;
    raw_.v6.sin6_port = htons(port);
    raw_.v6.sin6_scope_id = ip.scope_id();
    std::memcpy(&raw_.v6.sin6_addr, ip.bytes().data(), sizeof raw_.v6.sin6_addr);
    size_ = sizeof raw_.v6;
  }
}

socket_address::socket_address(std::string_view text) {
  const auto parsed = parse(text);
  if (!parsed) detail::raise_about(parsed.error(), text);
  *this = *parsed;
}

socket_address socket_address::from_path(std::string_view path) {
  const char* const problem = path.empty()                                ? "the path is empty"
                              : path.size() > max_path                    ? path_too_long
                              : path.find('\0') != std::string_view::npos ? path_with_nul
                                                                          : nullptr;
  if (problem != nullptr) detail::raise_about(detail::bad_address(path, problem, "use the path"), path);
  socket_address address;
  address.set_name(path);
  return address;
}

socket_address socket_address::from_abstract_name(std::string_view name) {
  if (name.size() > max_path) {
    detail::raise_about(detail::bad_address(name, name_too_long, "use the abstract name"), name);
  }
  std::array<char, 1 + max_path> bytes{};
  std::ranges::copy(name, bytes.begin() + 1);
  socket_address address;
  address.set_name({bytes.data(), 1 + name.size()});
  return address;
}

// Of a family other than IPv4, or too short.
socket_address socket_address::from_other(const ::sockaddr* address, socklen_t size) noexcept {
  const auto* const bytes = reinterpret_cast<const char*>(address);
  sa_family_t family = AF_UNSPEC;
  if (size >= sizeof family) std::memcpy(&family, bytes + offsetof(::sockaddr, sa_family), sizeof family);

  socket_address result;
  if (family == AF_INET6 && size >= sizeof(::sockaddr_in6)) {
    ::sockaddr_in6 v6;
    std::memcpy(&v6, bytes, sizeof v6);
    ip_address::v6_bytes ip;
    std::memcpy(ip.data(), &v6.sin6_addr, sizeof ip);
    result = {ip_address(ip, v6.sin6_scope_id), ntohs(v6.sin6_port)};
  } else if (family == AF_UNIX) {
    const std::string_view name(bytes + head, std::min<std::size_t>(size, sizeof(::sockaddr_un)) - head);
    result.set_name(name.starts_with('\0') ? name : name.substr(0, name.find('\0')));
  }
  return result;
}

result<socket_address> socket_address::parse(std::string_view text) noexcept {
  if (text.empty()) return detail::bad_address(text, "it is empty");
  if (text.starts_with("unix:")) return parse_unix(text);

  const auto split_text = split(text);
  if (!split_text) return split_text.error();
  const auto [ip_text, port_text] = *split_text;
  const bool in_brackets = text.starts_with('[');
  const auto ip = ip_address::parse(ip_text);
  if (!ip || ip->is_v6() != in_brackets) {
    // The reason is ours: in brackets or in front of a port not every address will do.
    if (ip_text.empty()) return detail::bad_address(text, "the address is missing: [::]:PORT means every address");
    if (ip_text.find('%') != std::string_view::npos && !ip) {
      return ip.error().with_address(error_address::from_text(text));
    }
    return detail::bad_address(text, in_brackets ? "expected an IPv6 address between the brackets"
                                                 : "expected an IPv4 address in front of the port; names are not "
                                                   "looked up here");
  }
  const auto port = parse_port(port_text, text);
  if (!port) return port.error();
  return socket_address(*ip, *port);
}

result<socket_address> socket_address::parse_unix(std::string_view text) noexcept {
  std::string_view rest = text.substr(std::string_view("unix:").size());
  if (rest.empty()) return detail::bad_address(text, "the path after unix: is missing");
  const bool abstract = rest.starts_with('@');
  if (abstract) rest.remove_prefix(1);

  std::array<char, 1 + max_path> name{};
  std::size_t size = abstract ? 1 : 0;
  const std::size_t most = size + max_path;
  while (!rest.empty()) {
    const auto byte = take_byte(rest);
    if (!byte) return detail::bad_address(text, R"(a backslash is followed by \, @, n, r, t, or x and two digits)");
    if (*byte == '\0' && !abstract) return detail::bad_address(text, path_with_nul);
    if (size == most) return detail::bad_address(text, abstract ? name_too_long : path_too_long);
    name[size++] = *byte;
  }
  socket_address address;
  address.set_name({name.data(), size});
  return address;
}

void socket_address::set_name(std::string_view name) noexcept {
  raw_.un.sun_family = AF_UNIX;
  std::ranges::copy(name, raw_.un.sun_path);
  const bool terminated = !name.empty() && name.front() != '\0' && name.size() <= max_path;
  size_ = static_cast<socklen_t>(head + name.size() + (terminated ? 1 : 0));
}

std::string_view socket_address::name() const noexcept {
  if (!is_unix()) return {};
  const std::string_view used(raw_.un.sun_path, size_ - head);
  return used.starts_with('\0') ? used : used.substr(0, used.find('\0'));
}

ip_address socket_address::ip() const {
  if (is_v4()) {
    ip_address::v4_bytes bytes;
    std::memcpy(bytes.data(), &raw_.v4.sin_addr, sizeof bytes);
    return ip_address(bytes);
  }
  if (is_v6()) {
    ip_address::v6_bytes bytes;
    std::memcpy(bytes.data(), &raw_.v6.sin6_addr, sizeof bytes);
    return ip_address(bytes, raw_.v6.sin6_scope_id);
  }
  throw std::logic_error(fmt::format("ip() of the socket address \"{}\", which has none", to_string()));
}

std::uint16_t socket_address::port() const noexcept {
  return is_v4() ? ntohs(raw_.v4.sin_port) : is_v6() ? ntohs(raw_.v6.sin6_port) : std::uint16_t{0};
}

socket_address socket_address::with_port(std::uint16_t port) const noexcept {
  return is_ip() ? socket_address(ip(), port) : *this;
}

socket_address socket_address::unmapped() const noexcept {
  return is_v6() ? socket_address(ip().unmapped(), port()) : *this;
}

std::string socket_address::to_string() const {
  if (is_ip()) return fmt::format(fmt::runtime(is_v4() ? "{}:{}" : "[{}]:{}"), ip(), port());
  if (!is_unix()) return {};
  std::string out = "unix:";
  if (is_abstract()) {
    out += '@';
  } else if (path().starts_with('@')) {
    out += '\\';
  }
  wring::detail::append_escaped(out, is_abstract() ? abstract_name() : path(), "\\");
  return out;
}

std::strong_ordering operator<=>(const socket_address& a, const socket_address& b) noexcept {
  if (const auto order = a.family() <=> b.family(); order != 0) return order;
  if (!a.is_ip()) return a.name() <=> b.name();
  if (const auto order = a.ip() <=> b.ip(); order != 0) return order;
  return a.port() <=> b.port();
}

}  // namespace wring::net

auto std::hash<wring::net::socket_address>::operator()(const wring::net::socket_address& a) const noexcept
    -> std::size_t {
  // Equal addresses are equal bytes: what is not in use is zero.
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(a.data()), a.size()});
}

auto fmt::formatter<wring::net::socket_address>::format(const wring::net::socket_address& a,
                                                        fmt::format_context& context) const
    -> fmt::format_context::iterator {
  return fmt::formatter<fmt::string_view>::format(a.to_string(), context);
}
