// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <string_view>

namespace wring::tests {

/// A folder that is removed with what is in it.
class temporary_folder {
 public:
  temporary_folder() {
    if (::mkdtemp(name_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() { std::filesystem::remove_all(name_); }

  /// The path of a file in it.
  [[nodiscard]] std::string operator/(std::string_view file) const { return (name_ + '/').append(file); }

 private:
  std::string name_ = "/tmp/wring-test-XXXXXX";
};

}  // namespace wring::tests
