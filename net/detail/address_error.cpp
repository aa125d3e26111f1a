// SPDX-License-Identifier: MIT
#include <string>

#include <wring/core/detail/escape.hpp>
#include <wring/net/detail/address_error.hpp>

void wring::net::detail::raise_about(const error& e, std::string_view text) {
  constexpr std::string_view::size_type most = 200;
  std::string quoted = "\"";
  wring::detail::append_escaped(quoted, text.substr(0, most), "\"\\");
  quoted += text.size() > most ? "...\"" : "\"";
  throw io_error(e, e.message_about(quoted));
}
