// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace wring::tests {

/// A request for "/".
inline std::string get(std::string_view fields = {}, std::string_view method = "GET") {
  return std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

/// The value of a field of an answer; none if that has no such field.
inline std::optional<std::string> field(const std::string& answer, const std::string& name) {
  const std::size_t at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return std::nullopt;
  const std::size_t begin = at + name.size() + 4;
  return answer.substr(begin, answer.find('\r', begin) - begin);
}

}  // namespace wring::tests
