// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/callback/race.hpp>

namespace wring {

namespace {

std::string group_text(const std::vector<failure>& failures) {
  std::string text = fmt::format("all of {} deferreds failed", failures.size());
  for (const failure& f : failures) text += fmt::format("{} {}", &f == failures.data() ? ":" : ",", f.message());
  return text;
}

}  // namespace

failure_group::failure_group(std::vector<failure> failures) {
  std::string text = group_text(failures);
  details_ = std::make_shared<details>(details{std::move(failures), std::move(text)});
}
failure_group::~failure_group() = default;

}  // namespace wring
