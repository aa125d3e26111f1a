// SPDX-License-Identifier: MIT
#include <utility>

#include <fmt/format.h>

#include <wring/core/callback/first_error.hpp>

namespace wring {

namespace {

std::string first_text(const failure& first, std::size_t index) {
  return fmt::format("the deferred at index {} failed: {}", index, first.message());
}

}  // namespace

first_error::first_error(failure first, std::size_t index)
    : details_(std::make_shared<details>(details{first, index, first_text(first, index)})) {}
first_error::~first_error() = default;

}  // namespace wring
