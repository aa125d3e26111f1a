// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>

#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/export.hpp>

namespace wring {

/// What gather_results fails with, and lists with `fire_on_one_errback`: the first failure, and the index of its
/// deferred.
class WRING_API first_error : public std::exception {
 public:
  first_error(failure first, std::size_t index);
  first_error(const first_error&) noexcept = default;
  first_error& operator=(const first_error&) noexcept = default;
  ~first_error() override;

  [[nodiscard]] const failure& sub_failure() const noexcept { return details_->first; }
  [[nodiscard]] std::size_t index() const noexcept { return details_->index; }
  [[nodiscard]] const char* what() const noexcept override { return details_->text.c_str(); }

 private:
  struct details {
    failure first;
    std::size_t index;
    std::string text;
  };
  std::shared_ptr<const details> details_;
};

}  // namespace wring
