// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <wring/core/callback/deferred_list.hpp>

namespace wring {

namespace {

std::string first_text(const failure& first, std::size_t index) {
  return fmt::format("the deferred at index {} failed: {}", index, first.message());
}

std::string group_text(const std::vector<failure>& failures) {
  std::string text = fmt::format("all of {} deferreds failed", failures.size());
  for (const failure& f : failures) text += fmt::format("{} {}", &f == failures.data() ? ":" : ",", f.message());
  return text;
}

}  // namespace

first_error::first_error(failure first, std::size_t index)
    : details_(std::make_shared<details>(details{first, index, first_text(first, index)})) {}
first_error::~first_error() = default;

failure_group::failure_group(std::vector<failure> failures) {
  std::string text = group_text(failures);
  details_ = std::make_shared<details>(details{std::move(failures), std::move(text)});
}
failure_group::~failure_group() = default;

namespace detail {

void cancel_all(const std::vector<core_ref>& chains, std::size_t but) noexcept {
  for (std::size_t i = 0; i != chains.size(); ++i) {
    if (i != but) chains[i]->cancel_part(i);
  }
}

}  // namespace detail
}  // namespace wring
