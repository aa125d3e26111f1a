// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <wring/net/socket_address.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/forwarded.hpp>

namespace wring::http::detail {

namespace {

/// Longer chains of trusted proxies are not followed: the last one of these is taken for the client.
constexpr std::size_t most_followed = 16;

/// What a proxy has added. Refers to the field.
struct element {
  std::string_view node;
  std::string_view scheme;
};

/// The last elements of a line.
class elements {
 public:
  void add(const element& e) noexcept { all_[count_++ % all_.size()] = e; }
  /// Whether there is a last one, which is taken off.
  [[nodiscard]] bool take_last(element& e) noexcept {
    if (count_ == 0 || taken_ == all_.size()) return false;
    ++taken_;
    e = all_[--count_ % all_.size()];
    return true;
  }
  void clear() noexcept { count_ = 0; }

 private:
  std::array<element, most_followed> all_{};
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};

bool is_scheme(std::string_view text) noexcept {
  return equals_ignoring_case(text, "http") || equals_ignoring_case(text, "https");
}

/// Parses a line of Forwarded, which is a list of lists of pairs (RFC 7239, section 4).
class forwarded_parser {
 public:
  explicit forwarded_parser(std::string_view line) noexcept : left_(line) {}

  /// False: it is malformed. Then none of it can be believed: a client may have begun a quoted string, for the proxy's
  /// element to end up in.
  [[nodiscard]] bool parse(elements& to) noexcept {
    for (;;) {
      element e;
      has_pairs_ = false;
      if (!parse_pairs(e)) return false;
      if (has_pairs_) to.add(e);
      skip_blanks();
      if (left_.empty()) return true;
      if (!skip(',')) return false;
    }
  }

 private:
  [[nodiscard]] bool parse_pairs(element& e) noexcept {
    do {
      skip_blanks();
      const std::string_view name = take_token();
      std::string_view value;
      if (name.empty()) continue;  // an empty pair, or element
      if (!skip('=') || !parse_value(value)) return false;
      has_pairs_ = true;
      if (equals_ignoring_case(name, "for")) {
        if (!std::exchange(e.node, value).empty()) return false;
      } else if (equals_ignoring_case(name, "proto")) {
        if (!std::exchange(e.scheme, value).empty()) return false;
      }
      skip_blanks();
    } while (skip(';'));
    return true;
  }
  [[nodiscard]] bool parse_value(std::string_view& value) noexcept {
    if (!skip('"')) {
      value = take_token();
      return !value.empty();
    }
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] == '\\') {
        ++i;  // no address has one, so such a value is not needed decoded
      } else if (left_[i] == '"') {
        value = left_.substr(0, i);
        left_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] std::string_view take_token() noexcept {
    std::size_t size = 0;
    while (size != left_.size() && is_token_character(left_[size])) ++size;
    const std::string_view token = left_.substr(0, size);
    left_.remove_prefix(size);
    return token;
  }
  void skip_blanks() noexcept {
    while (!left_.empty() && is_blank(left_.front())) left_.remove_prefix(1);
  }
  [[nodiscard]] bool skip(char c) noexcept {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }

  std::string_view left_;
  bool has_pairs_ = false;
};

std::optional<net::ip_address> address_of(const error_address& peer) noexcept {
  const auto bytes = peer.ip_bytes();
  if (bytes.size() == 4) {
    net::ip_address::v4_bytes v4;
    std::ranges::copy(bytes, v4.begin());
    return net::ip_address(v4);
  }
  if (bytes.size() == 16) {
    net::ip_address::v6_bytes v6;
    std::ranges::copy(bytes, v6.begin());
    return net::ip_address(v6);
  }
  return std::nullopt;
}

bool is_digits(std::string_view text, std::size_t most) noexcept {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, is_digit);
}

/// Follows a list from its end.
class trail {
 public:
  trail(const error_address& peer, const trusted_proxies& trusted) noexcept : trusted_(trusted) {
    origin_.client = peer;
    const std::optional<net::ip_address> ip = address_of(peer);
    // Who connects to a Unix socket may: the permissions of its file decide who does.
    followed_ = ip ? is_trusted(*ip) : !peer.empty();
  }

  /// Whether the next element towards the beginning is to be believed, too.
  [[nodiscard]] bool follows() const noexcept { return followed_; }
  void follow(const element& e) noexcept {
    const std::optional<net::ip_address> ip = address_of_node(e.node);
    followed_ = ip && is_trusted(*ip) && ++count_ != most_followed;
    if (!ip) return;
    origin_.client = net::socket_address(ip->unmapped(), 0);
    origin_.forwarded = true;
    if (is_scheme(e.scheme)) origin_.scheme = e.scheme.size() == 5 ? "https" : "http";
  }
  void stop() noexcept { followed_ = false; }
  [[nodiscard]] const request_origin& origin() const noexcept { return origin_; }

 private:
  [[nodiscard]] bool is_trusted(const net::ip_address& ip) const noexcept {
    return std::ranges::any_of(trusted_.networks, [&ip](const net::ip_network& n) { return n.contains(ip); });
  }

  const trusted_proxies& trusted_;
  request_origin origin_;
  std::size_t count_ = 0;  // elements that were followed
  bool followed_ = false;
};

/// The lines of a field that are looked at, from the last one on.
class last_lines {
 public:
  last_lines(const fields& headers, std::string_view name) noexcept {
    for (const std::string_view line : headers.all(name)) lines_[count_++ % lines_.size()] = line;
  }
  [[nodiscard]] bool take_last(std::string_view& line) noexcept {
    if (count_ == 0 || taken_ == lines_.size()) return false;
    ++taken_;
    line = lines_[--count_ % lines_.size()];
    return true;
  }

 private:
  std::array<std::string_view, most_followed> lines_{};
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};

void follow_forwarded(trail& t, const fields& headers) noexcept {
  last_lines lines(headers, "forwarded");
  std::string_view line;
  while (t.follows() && lines.take_last(line)) {
    elements all;
    if (!forwarded_parser(line).parse(all)) return t.stop();
    element e;
    while (t.follows() && all.take_last(e)) t.follow(e);
  }
}

void follow_x_forwarded(trail& t, const fields& headers) noexcept {
  // The proxy next to this server knows best.
  last_lines schemes(headers, "x-forwarded-proto");
  std::string_view scheme;
  static_cast<void>(schemes.take_last(scheme));
  if (const std::size_t comma = scheme.rfind(','); comma != std::string_view::npos) scheme.remove_prefix(comma + 1);
  last_lines lines(headers, "x-forwarded-for");
  std::string_view line;
  while (t.follows() && lines.take_last(line)) {
    for (;;) {
      const std::size_t comma = line.rfind(',');
      const std::string_view node = trimmed(comma == std::string_view::npos ? line : line.substr(comma + 1));
      if (!node.empty()) t.follow({node, trimmed(scheme)});
      if (!t.follows() || comma == std::string_view::npos) break;
      line = line.substr(0, comma);
    }
  }
}

}  // namespace

std::optional<net::ip_address> address_of_node(std::string_view node) noexcept {
  if (node.starts_with('[')) {
    const std::size_t close = node.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view port = node.substr(close + 1);
    if (!port.empty() && (port.front() != ':' || !is_digits(port.substr(1), 5))) return std::nullopt;
    const auto ip = net::ip_address::parse(node.substr(1, close - 1));
    if (!ip || ip->is_v4()) return std::nullopt;
    return *ip;
  }
  const std::size_t colon = node.find(':');
  if (colon != std::string_view::npos && node.find(':', colon + 1) == std::string_view::npos) {
    if (!is_digits(node.substr(colon + 1), 5)) return std::nullopt;
    node = node.substr(0, colon);
  }
  const auto ip = net::ip_address::parse(node);
  if (!ip) return std::nullopt;
  return *ip;
}

request_origin origin_of(const error_address& peer, const fields& headers, const trusted_proxies& trusted) noexcept {
  trail t(peer, trusted);
  if (trusted.how == forwarding::forwarded) {
    follow_forwarded(t, headers);
  } else {
    follow_x_forwarded(t, headers);
  }
  return t.origin();
}

}  // namespace wring::http::detail
