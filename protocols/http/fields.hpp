// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/field_entry.hpp>

namespace wring::http {

/// A field of a message.
struct field {
  std::string_view name;   ///< in lower case
  std::string_view value;  ///< without blanks around it
};

/// The fields of a received head, or of a trailer section, in their order. They refer to the message's memory: valid as
/// long as the message is, see `request`. Names are looked up whatever their case. Copies refer to the same.
class WRING_API fields {
 public:
  class iterator;
  class named;

  fields() noexcept = default;
  /// For the library.
  fields(const char* text, const detail::field_entry* end_of_table, std::size_t count) noexcept
      : text_(text), table_(end_of_table), count_(static_cast<std::uint32_t>(count)) {}

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  /// The field number `i`, which must be less than size().
  [[nodiscard]] field operator[](std::size_t i) const noexcept {
    const detail::field_entry& e = table_[-1 - static_cast<std::ptrdiff_t>(i)];
    return {{text_ + e.name_at, e.name_size}, {text_ + e.value_at, e.value_size}};
  }
  [[nodiscard]] inline iterator begin() const noexcept;
  [[nodiscard]] inline iterator end() const noexcept;

  /// The value of the first field of this name; none if there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// The values of all fields of this name, as a range; `name` must exist as long as it does.
  [[nodiscard]] inline named all(std::string_view name) const noexcept;
  /// The values of all fields of this name, separated by ", " (RFC 9110, section 5.3); empty if there are none.
  [[nodiscard]] std::string joined(std::string_view name) const;

 private:
  [[nodiscard]] std::size_t next_of(std::string_view name, std::size_t from) const noexcept;

  const char* text_ = nullptr;
  const detail::field_entry* table_ = nullptr;  // the end: the entries are before it, the first one last
  std::uint32_t count_ = 0;
};

class fields::iterator {
 public:
  using value_type = field;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  iterator() noexcept = default;
  iterator(const fields& of, std::size_t at) noexcept : fields_(of), at_(at) {}
  field operator*() const noexcept { return fields_[at_]; }
  iterator& operator++() noexcept {
    ++at_;
    return *this;
  }
  iterator operator++(int) noexcept {
    iterator before = *this;
    ++at_;
    return before;
  }
  friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

 private:
  fields fields_;
  std::size_t at_ = 0;
};

/// The values of one name.
class fields::named {
 public:
  class iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() noexcept = default;
    iterator(const fields& of, std::string_view name, std::size_t at) noexcept : fields_(of), name_(name), at_(at) {}
    std::string_view operator*() const noexcept { return fields_[at_].value; }
    iterator& operator++() noexcept {
      at_ = fields_.next_of(name_, at_ + 1);
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    fields fields_;
    std::string_view name_;
    std::size_t at_ = 0;
  };

  named(const fields& of, std::string_view name) noexcept : fields_(of), name_(name) {}
  [[nodiscard]] iterator begin() const noexcept { return {fields_, name_, fields_.next_of(name_, 0)}; }
  [[nodiscard]] iterator end() const noexcept { return {fields_, name_, fields_.size()}; }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }

 private:
  fields fields_;
  std::string_view name_;
};

inline fields::iterator fields::begin() const noexcept { return {*this, 0}; }
inline fields::iterator fields::end() const noexcept { return {*this, count_}; }
inline fields::named fields::all(std::string_view name) const noexcept { return {*this, name}; }

}  // namespace wring::http
