// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>

#include <wring/protocols/http/method.hpp>

namespace wring::http {

namespace {

constexpr std::array<std::string_view, 10> names{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                 "CONNECT", "OPTIONS", "TRACE", "PATCH", ""};

}  // namespace

std::string_view to_string(method m) noexcept { return names[static_cast<std::size_t>(m)]; }

method method_of(std::string_view text) noexcept {
  if (text == names[0]) return method::get;
  for (std::size_t i = 1; i < static_cast<std::size_t>(method::other); ++i) {
    if (text == names[i]) return static_cast<method>(i);
  }
  return method::other;
}

}  // namespace wring::http
