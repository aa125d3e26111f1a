// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/file_calls.hpp>
#include <wring/protocols/http/content/conditions.hpp>
#include <wring/protocols/http/content/date.hpp>

namespace wring::http::detail {

/// What an answer tells of a file besides its bytes.
class WRING_API served_file {
 public:
  /// `now`: of the wall clock. A file that was changed within the last second may change again without a sign of it:
  /// its tag is weak.
  served_file(const wring::detail::file_facts& f, std::chrono::system_clock::time_point now,
              std::string_view coding) noexcept;

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// The name of a content coding, a literal; empty: none.
  [[nodiscard]] std::string_view coding() const noexcept { return coding_; }
  [[nodiscard]] bool is_settled() const noexcept { return tag_[0] != 'W'; }
  [[nodiscard]] http::validators validators() const noexcept { return {.tag = tag(), .modified = modified_}; }
  /// As in Last-Modified.
  [[nodiscard]] std::string_view modified() const noexcept { return {modified_text_.data(), modified_text_.size()}; }
  [[nodiscard]] std::string_view tag() const noexcept { return {tag_.data(), tag_size_}; }
  /// The same file, unchanged.
  friend bool operator==(const served_file& a, const served_file& b) noexcept {
    return a.tag() == b.tag() && a.coding_ == b.coding_;
  }

 private:
  std::uint64_t size_;
  std::chrono::sys_seconds modified_;
  std::string_view coding_;
  std::array<char, date_size> modified_text_{};
  std::array<char, 56> tag_{};
  std::uint8_t tag_size_ = 0;
};

}  // namespace wring::http::detail
