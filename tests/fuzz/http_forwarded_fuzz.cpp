// SPDX-License-Identifier: MIT
// Any bytes as fields that say for whom a request was forwarded: from a stranger they change nothing, and in front of
// what a trusted proxy adds they do not change for whom it has said that it forwards. The first byte of the input is
// how they are cut into lines.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <wring/net/socket_address.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/forwarded.hpp>
#include <wring/protocols/http/detail/head_store.hpp>

namespace {

using wring::error_address;
using wring::http::forwarding;
using wring::http::detail::head_store;
using wring::http::detail::origin_of;
using wring::http::detail::request_origin;
using wring::http::detail::trusted_proxies;
using wring::net::socket_address;

void check(bool holds) {
  if (!holds) std::abort();
}

/// Fields as a parser leaves them: without line ends, and without blanks around values.
class lines {
 public:
  void add(std::string_view name, std::string_view value) {
    value = wring::http::detail::trimmed(value);
    const auto begin = static_cast<std::uint32_t>(store_.size());
    store_.append(std::as_bytes(std::span(name)));
    store_.append(std::as_bytes(std::span(value)));
    check(store_.add({.name_at = begin,
                      .value_at = begin + static_cast<std::uint32_t>(name.size()),
                      .value_size = static_cast<std::uint32_t>(value.size()),
                      .name_size = static_cast<std::uint16_t>(name.size())}));
  }
  [[nodiscard]] request_origin from(std::string_view peer, forwarding how) const {
    static const std::vector<wring::net::ip_network> networks{wring::net::ip_network("10.0.0.0/8")};
    return origin_of(socket_address(peer), store_.all(), trusted_proxies{networks, how});
  }

 private:
  alignas(8) std::array<std::byte, 65536> memory_;
  head_store store_{memory_};
};

bool is(const request_origin& o, std::string_view address) {
  return o.client.to_string() == error_address(socket_address(address)).to_string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::erase_if(text, [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f'; });
  const std::size_t cut = text.empty() ? 0 : data[0] % text.size();
  const std::string_view first = std::string_view(text).substr(0, cut);
  const std::string_view second = std::string_view(text).substr(cut);
  for (const forwarding how : {forwarding::forwarded, forwarding::x_forwarded_for}) {
    const bool standard = how == forwarding::forwarded;
    const std::string_view name = standard ? "forwarded" : "x-forwarded-for";
    const std::string_view adds = standard ? "for=192.0.2.1;proto=https" : "192.0.2.1";
    const std::string_view trusted = "10.0.0.1:7";
    lines sent;
    sent.add(name, first);
    sent.add("x-forwarded-proto", second);
    sent.add(name, second);
    check(is(sent.from("192.0.2.9:7", how), "192.0.2.9:7"));
    check(!sent.from("192.0.2.9:7", how).forwarded);
    const request_origin claimed = sent.from(trusted, how);
    check(claimed.forwarded || is(claimed, trusted));
    check(claimed.scheme.empty() || claimed.scheme == "http" || claimed.scheme == "https");

    // A proxy that adds a line.
    lines more;
    more.add(name, first);
    more.add(name, second);
    more.add(name, adds);
    check(is(more.from(trusted, how), "192.0.2.1:0"));
    check(!standard || more.from(trusted, how).scheme == "https");

    // A proxy that adds to the line: either that is believed, or nothing is.
    lines longer;
    longer.add(name, text + ", " + std::string(adds));
    const request_origin o = longer.from(trusted, how);
    check(is(o, "192.0.2.1:0") || (standard && is(o, trusted) && !o.forwarded));
  }
  return 0;
}
