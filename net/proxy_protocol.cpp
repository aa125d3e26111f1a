// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/un.h>
#include <system_error>

#include <fmt/format.h>

#include <wring/net/detail/crc32c.hpp>
#include <wring/net/proxy_protocol.hpp>

namespace wring::net {

namespace {

constexpr const char* what = "read a PROXY header";
constexpr std::string_view text_begin = "PROXY ";
constexpr std::string_view binary_begin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t shortest_text = 15;      // PROXY UNKNOWN\r\n
constexpr std::size_t shortest_text_tcp = 22;  // PROXY TCP6 :: :: 0 0\r\n
constexpr std::size_t most_after_fixed = 65'535;

// Byte 12: version and command; byte 13: family and transport.
constexpr unsigned command_local = 0x20;
constexpr unsigned command_proxy = 0x21;
constexpr unsigned unspecified = 0x00;
constexpr unsigned tcp_v4 = 0x11;
constexpr unsigned udp_v4 = 0x12;
constexpr unsigned tcp_v6 = 0x21;
constexpr unsigned udp_v6 = 0x22;
constexpr unsigned unix_stream_sockets = 0x31;
constexpr unsigned unix_datagrams = 0x32;

constexpr std::size_t unix_room = 108;
constexpr std::size_t crc_size = 4;

using bytes = std::span<const std::byte>;

unsigned byte_of(std::byte b) noexcept { return std::to_integer<unsigned>(b); }
unsigned number_at(bytes from, std::size_t at) noexcept { return byte_of(from[at]) << 8 | byte_of(from[at + 1]); }

void append_number(std::vector<std::byte>& to, std::size_t value) {
  to.push_back(static_cast<std::byte>(value >> 8 & 0xff));
  to.push_back(static_cast<std::byte>(value & 0xff));
}
void append(std::vector<std::byte>& to, bytes more) { to.insert(to.end(), more.begin(), more.end()); }
void append(std::vector<std::byte>& to, std::string_view text) { append(to, std::as_bytes(std::span(text))); }

/// Takes the word up to the next space, which goes too. Nothing if there is no space.
std::optional<std::string_view> take_word(std::string_view& text) noexcept {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(space + 1);
  return word;
}

std::optional<ip_address> parse_ip(std::string_view text, bool v6) noexcept {
  // No scopes: an interface of the proxy's host means nothing here.
  if (text.find('%') != std::string_view::npos) return std::nullopt;
  const auto address = ip_address::parse(text);
  if (!address || address->is_v6() != v6) return std::nullopt;
  return *address;
}

std::optional<std::uint16_t> parse_port(std::string_view digits) noexcept {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  return port;
}

template <class Bytes>
socket_address ip_at(bytes block, std::size_t at, std::size_t port_at) noexcept {
  Bytes ip{};
  std::memcpy(ip.data(), block.data() + at, ip.size());
  return {ip_address(ip), static_cast<std::uint16_t>(number_at(block, port_at))};
}

/// A name of Linux's abstract namespace begins with a zero, and its end is not told: trailing zeros are not its.
socket_address unix_at(bytes block, std::size_t at) noexcept {
  ::sockaddr_un raw{};
  raw.sun_family = AF_UNIX;
  std::memcpy(raw.sun_path, block.data() + at, unix_room);
  std::size_t size = unix_room;
  while (size != 0 && raw.sun_path[size - 1] == '\0') --size;
  return socket_address::from_sockaddr(reinterpret_cast<const ::sockaddr*>(&raw),
                                       static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + size));
}

void append_unix(std::vector<std::byte>& to, const socket_address& address) {
  std::array<std::byte, unix_room> room{};
  const std::string_view name = address.is_abstract() ? address.abstract_name() : address.path();
  std::memcpy(room.data() + (address.is_abstract() ? 1 : 0), name.data(), name.size());
  append(to, bytes(room));
}

void append_ip(std::vector<std::byte>& to, const socket_address& address) {
  const ip_address ip = address.ip();
  append(to, std::as_bytes(ip.bytes()));
}

}  // namespace

// What it says.

proxy_header::proxy_header(const socket_address& source, const socket_address& destination) noexcept {
  if (source.family() != destination.family() || source.empty()) return;
  source_ = source;
  destination_ = destination;
}

std::size_t proxy_header::size_of_first(std::span<const std::byte> fields) noexcept { return number_at(fields, 1); }

std::optional<std::span<const std::byte>> proxy_header::find(proxy_field kind) const noexcept {
  std::optional<std::span<const std::byte>> found;
  for_each_field([&](proxy_field other, std::span<const std::byte> value) {
    if (other == kind && !found) found = value;
  });
  return found;
}

std::string_view proxy_header::text_of(proxy_field kind) const noexcept {
  const auto value = find(kind);
  return value ? std::string_view(reinterpret_cast<const char*>(value->data()), value->size()) : std::string_view();
}

void proxy_header::add(proxy_field kind, std::span<const std::byte> value) {
  constexpr std::size_t others = 2 * unix_room + field_head + crc_size;
  if (others + fields_.size() + field_head + value.size() > most_after_fixed) {
    throw std::length_error("proxy_header: more fields than a header may hold, which is 65,535 bytes");
  }
  fields_.push_back(static_cast<std::byte>(kind));
  append_number(fields_, value.size());
  append(fields_, value);
}

// Writing.

std::vector<std::byte> proxy_header::version_1() const {
  std::vector<std::byte> header;
  if (!source_.is_ip()) {
    append(header, std::string_view("PROXY UNKNOWN\r\n"));
  } else {
    append(header,
           fmt::format("PROXY {} {} {} {} {}\r\n", source_.is_v4() ? "TCP4" : "TCP6", source_.ip().with_scope_id(0),
                       destination_.ip().with_scope_id(0), source_.port(), destination_.port()));
  }
  return header;
}

std::vector<std::byte> proxy_header::version_2(bool checksum) const {
  std::vector<std::byte> header;
  append(header, binary_begin);
  const unsigned family = source_.is_v4()     ? tcp_v4
                          : source_.is_v6()   ? tcp_v6
                          : source_.is_unix() ? unix_stream_sockets
                                              : 0;
  header.push_back(static_cast<std::byte>(is_local() ? command_local : command_proxy));
  header.push_back(static_cast<std::byte>(family));
  append_number(header, 0);
  if (source_.is_ip()) {
    append_ip(header, source_);
    append_ip(header, destination_);
    append_number(header, source_.port());
    append_number(header, destination_.port());
  } else if (source_.is_unix()) {
    append_unix(header, source_);
    append_unix(header, destination_);
  }
  for_each_field([&header](proxy_field kind, bytes value) {
    if (kind == proxy_field::checksum) return;  // that of a header that was read
    header.push_back(static_cast<std::byte>(kind));
    append_number(header, value.size());
    append(header, value);
  });
  const std::size_t crc_at = header.size() + field_head;
  if (checksum) {
    header.push_back(static_cast<std::byte>(proxy_field::checksum));
    append_number(header, crc_size);
    header.resize(header.size() + crc_size);
  }
  const std::size_t length = header.size() - proxy_parser::fixed_size;
  header[14] = static_cast<std::byte>(length >> 8);
  header[15] = static_cast<std::byte>(length & 0xff);
  if (checksum) {
    const std::uint32_t crc = detail::crc32c(header);
    for (std::size_t i = 0; i != crc_size; ++i) header[crc_at + i] = static_cast<std::byte>(crc >> (24 - 8 * i) & 0xff);
  }
  return header;
}

// Reading.

proxy_parser::proxy_parser(std::size_t most_bytes) noexcept
    : most_bytes_(std::max(most_bytes, fixed_size + 2 * unix_room)) {}

result<std::size_t> proxy_parser::feed(std::span<const std::byte> given) {
  std::span<const std::byte> rest = given;
  const char* problem = state_ == state::failed ? "the header was refused before" : nullptr;
  while (problem == nullptr && state_ == state::reading && !rest.empty()) problem = next_bytes(rest);
  if (problem == nullptr) return given.size() - rest.size();
  state_ = state::failed;
  if (too_long_) {
    return error(errc::limit_exceeded, what).with_count(version_ == 1 ? largest_version_1 : most_bytes_);
  }
  return error::from_errno(EPROTO, what).with_detail(problem);
}

/// Takes one byte of what is checked one by one, or all that is left of a header whose length is known.
const char* proxy_parser::next_bytes(std::span<const std::byte>& rest) {
  if (version_ == 2 && bytes_.size() >= fixed_size) {
    const std::size_t count = std::min(whole_ - bytes_.size(), rest.size());
    append(bytes_, rest.first(count));
    rest = rest.subspan(count);
    return bytes_.size() == whole_ ? parse_binary() : nullptr;
  }
  const char next = static_cast<char>(rest.front());
  const char before = bytes_.empty() ? '\0' : static_cast<char>(bytes_.back());
  const std::size_t at = bytes_.size();
  if (version_ == 0) version_ = next == text_begin.front() ? 1 : next == binary_begin.front() ? 2 : 0;
  const std::string_view begin = version_ == 1 ? text_begin : binary_begin;
  if (version_ == 0 || (at < begin.size() && next != begin[at])) return "it does not begin as either version does";
  if (version_ == 1 && at == largest_version_1) {
    too_long_ = true;
    return "its line is too long";
  }
  bytes_.push_back(rest.front());
  rest = rest.subspan(1);
  if (version_ == 2) return bytes_.size() == fixed_size ? check_fixed() : nullptr;
  if (before == '\r' && next == '\n') return parse_text();
  if (before == '\r' || next == '\n') return "its line does not end with CR and LF";
  return nullptr;
}

std::size_t proxy_parser::missing() const noexcept {
  if (state_ != state::reading) return 0;
  if (version_ == 2) return (bytes_.size() < fixed_size ? fixed_size : whole_) - bytes_.size();
  const bool tcp = bytes_.size() > text_begin.size() && static_cast<char>(bytes_[text_begin.size()]) == 'T';
  const std::size_t shortest = tcp ? shortest_text_tcp : shortest_text;
  const std::size_t to_line_end = !bytes_.empty() && static_cast<char>(bytes_.back()) == '\r' ? 1 : 2;
  return bytes_.size() < shortest ? shortest - bytes_.size() : to_line_end;
}

const char* proxy_parser::parse_text() noexcept {
  std::string_view rest(reinterpret_cast<const char*>(bytes_.data()), bytes_.size() - 2);
  rest.remove_prefix(text_begin.size());
  state_ = state::done;
  // What follows that word is to be ignored.
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return nullptr;
  const auto family = take_word(rest);
  const auto source = take_word(rest);
  const auto destination = take_word(rest);
  const auto source_port = take_word(rest);
  if (!family || (*family != "TCP4" && *family != "TCP6")) return "its protocol is none of TCP4, TCP6 and UNKNOWN";
  if (!source_port) return "it has fewer than two addresses and two ports";
  const bool v6 = *family == "TCP6";
  const auto from = parse_ip(*source, v6);
  const auto to = parse_ip(*destination, v6);
  if (!from || !to) return "an address is none of its protocol";
  const auto from_port = parse_port(*source_port);
  const auto to_port = parse_port(rest);
  if (!from_port || !to_port) return "a port is no number from 0 to 65535, without leading zeros";
  header_ = proxy_header({*from, *from_port}, {*to, *to_port});
  return nullptr;
}

/// The first 16 bytes.
const char* proxy_parser::check_fixed() {
  const unsigned command = byte_of(bytes_[12]);
  if (command >> 4 != 2) return "its version is not 2";
  if (command != command_local && command != command_proxy) return "its command is neither LOCAL nor PROXY";
  const unsigned family = byte_of(bytes_[13]);
  switch (family) {
    case unspecified:
    case tcp_v4:
    case udp_v4:
    case tcp_v6:
    case udp_v6:
    case unix_stream_sockets:
    case unix_datagrams:
      break;
    default:
      return "its address family or transport does not exist";
  }
  whole_ = fixed_size + number_at(bytes_, 14);
  too_long_ = whole_ > most_bytes_;
  if (too_long_) return "it is too long";
  bytes_.reserve(whole_);
  return whole_ == fixed_size ? parse_binary() : nullptr;
}

const char* proxy_parser::parse_binary() {
  state_ = state::done;
  const unsigned command = byte_of(bytes_[12]);
  const unsigned family = byte_of(bytes_[13]);
  // What follows is to be ignored.
  if (command == command_local || family == unspecified) return nullptr;
  const bytes block = bytes(bytes_).subspan(fixed_size);
  std::size_t used = 0;
  switch (family) {
    case tcp_v4:
      used = 12;
      if (block.size() < used) break;
      header_ = proxy_header(ip_at<ip_address::v4_bytes>(block, 0, 8), ip_at<ip_address::v4_bytes>(block, 4, 10));
      break;
    case tcp_v6:
      used = 36;
      if (block.size() < used) break;
      header_ = proxy_header(ip_at<ip_address::v6_bytes>(block, 0, 32), ip_at<ip_address::v6_bytes>(block, 16, 34));
      break;
    case unix_stream_sockets:
      used = 2 * unix_room;
      if (block.size() < used) break;
      header_ = proxy_header(unix_at(block, 0), unix_at(block, unix_room));
      break;
    default:
      return "it is that of datagrams, on a connection";
  }
  if (block.size() < used) return "its addresses are cut off";
  return parse_fields(used);
}

const char* proxy_parser::parse_fields(std::size_t from) {
  const bytes fields = bytes(bytes_).subspan(fixed_size + from);
  bool checked = false;
  for (std::size_t at = 0; at != fields.size();) {
    if (fields.size() - at < proxy_header::field_head) return "a field is cut off";
    const std::size_t size = number_at(fields, at + 1);
    const std::size_t value_at = at + proxy_header::field_head;
    if (fields.size() - value_at < size) return "a field is cut off";
    if (static_cast<proxy_field>(fields[at]) == proxy_field::checksum) {
      if (checked) return "it has two checksums";
      if (size != crc_size) return "its checksum is not one of 4 bytes";
      checked = true;
      if (!checksum_matches(fixed_size + from + value_at)) return "its checksum does not match: it was damaged";
    }
    at = value_at + size;
  }
  header_.fields_.assign(fields.begin(), fields.end());
  return nullptr;
}

/// Of the whole header, with zeros for the checksum itself.
bool proxy_parser::checksum_matches(std::size_t at) const noexcept {
  const bytes all(bytes_);
  constexpr std::array<std::byte, crc_size> zeros{};
  std::uint32_t crc = detail::crc32c(all.first(at));
  crc = detail::crc32c(zeros, crc);
  crc = detail::crc32c(all.subspan(at + crc_size), crc);
  const std::uint32_t told = number_at(all, at) << 16 | number_at(all, at + 2);
  return crc == told;
}

}  // namespace wring::net
