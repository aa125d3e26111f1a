// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include <wring/net/detail/attempts_failed.hpp>

namespace wring::net::detail {

std::string list_faults(std::span<const error> faults) {
  std::string text;
  for (const error& fault : faults.first(std::min(faults.size(), most_faults_named))) {
    const std::string whole = fault.message();
    std::string_view about = whole;
    const std::string_view operation = fault.operation();
    if (!fault.address().empty() && about.starts_with(operation)) about.remove_prefix(operation.size() + 1);
    if (!text.empty()) text += "; ";
    text += about;
  }
  if (faults.size() > most_faults_named) text += fmt::format("; and {} more", faults.size() - most_faults_named);
  return text;
}

error first_of_faults(std::span<const error> faults) noexcept {
  const error& first = faults.front();
  return faults.size() == 1 || first.detail() != nullptr ? first : first.with_detail("all other attempts failed too");
}

void raise_attempts_failed(std::span<const error> faults) {
  if (faults.empty()) {
    error::from_errno(EDESTADDRREQ, "connect").with_detail("there is nothing to connect to").raise();
  }
  if (faults.size() == 1) faults.front().raise();
  throw io_error(first_of_faults(faults),
                 fmt::format("connect: all {} attempts failed: {}", faults.size(), list_faults(faults)));
}

}  // namespace wring::net::detail
