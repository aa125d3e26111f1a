// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include <wring/protocols/http/detail/field_entry.hpp>
#include <wring/protocols/http/detail/terminated_text.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http::detail {

/// Where a head is kept: its text from the beginning of a block of memory on, terminated, and the table of its fields
/// from the end back. The memory is its owner's, who moves it into a larger block when the two meet.
class head_store {
 public:
  head_store() noexcept = default;
  /// `memory` must have room for the zeros that terminate text, and be aligned as an entry at its end.
  explicit head_store(std::span<std::byte> memory) noexcept
      : text_(reinterpret_cast<char*>(memory.data())),
        table_(reinterpret_cast<field_entry*>(memory.data() + memory.size())) {}

  /// Continues in `larger` memory.
  void move_to(std::span<std::byte> larger) noexcept {
    head_store moved(larger);
    if (size_ != 0) std::memcpy(moved.text_, text_, size_);
    if (count_ != 0) std::memcpy(moved.table_ - count_, table_ - count_, count_ * sizeof(field_entry));
    text_ = moved.text_;
    table_ = moved.table_;
  }

  [[nodiscard]] char* text() const noexcept { return text_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Bytes between the text, with what terminates it, and the table.
  [[nodiscard]] std::span<std::byte> room() const noexcept {
    auto* const begin = reinterpret_cast<std::byte*>(text_ + size_ + terminated::zeros);
    return {begin, static_cast<std::size_t>(reinterpret_cast<std::byte*>(table_ - count_) - begin)};
  }
  [[nodiscard]] fields all() const noexcept { return {text_, table_, count_}; }

  /// There must be room. Terminates the text, even if nothing is appended.
  void append(std::span<const std::byte> bytes) noexcept {
    if (!bytes.empty()) std::memcpy(text_ + size_, bytes.data(), bytes.size());
    size_ += static_cast<std::uint32_t>(bytes.size());
    terminated::terminate(text_ + size_);
  }
  /// Keeps the memory.
  void clear() noexcept {
    size_ = 0;
    count_ = 0;
  }
  /// Does not terminate it.
  void truncate(std::size_t size) noexcept { size_ = static_cast<std::uint32_t>(size); }
  /// Removes the fields of that name, which is in lower case.
  void remove(std::string_view name) noexcept {
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i != count_; ++i) {
      const field_entry e = *(table_ - 1 - i);
      if (std::string_view(text_ + e.name_at, e.name_size) == name) continue;
      ++kept;
      *(table_ - kept) = e;
    }
    count_ = kept;
  }
  /// How many fields can be added before there are `most`, or no room is left.
  [[nodiscard]] std::size_t places(std::size_t most) const noexcept {
    return std::min(room().size() / sizeof(field_entry), most - std::min<std::size_t>(most, count_));
  }
  /// There must be a place.
  void add(const field_entry& e) noexcept {
    ++count_;
    std::construct_at(table_ - count_, e);
  }

 private:
  char* text_ = nullptr;
  field_entry* table_ = nullptr;  // its end
  std::uint32_t size_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace wring::http::detail
