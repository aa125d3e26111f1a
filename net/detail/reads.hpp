// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include <wring/core/detail/export.hpp>
#include <wring/net/detail/read_buffer.hpp>

namespace wring::net::detail {

/// reader::read_exactly(count) and peek.
class WRING_API block_read final : public buffered_read<block_read, std::span<const std::byte>> {
 public:
  block_read(read_buffer& b, std::size_t count, std::size_t limit, bool peek) noexcept
      : buffered_read(b), count_(count), limit_(limit), peek_(peek) {}
  bool look(read_buffer& buffer, bool at_end) noexcept override;
  void give_back(read_buffer& buffer, std::span<const std::byte>&) noexcept {
    if (!peek_) untake(buffer);
  }

 private:
  std::size_t count_;
  std::size_t limit_;
  bool peek_;
};

/// reader::read_until.
class WRING_API text_read final : public buffered_read<text_read, std::string_view> {
 public:
  text_read(read_buffer& b, std::string_view delimiter, std::size_t limit);
  bool look(read_buffer& buffer, bool at_end) noexcept override;
  void give_back(read_buffer& buffer, std::string_view&) noexcept { untake(buffer); }

 private:
  std::string_view delimiter_;
  std::size_t limit_;
  std::size_t seen_ = 0;  // bytes in which no delimiter begins
};

/// reader::read_line.
class WRING_API line_read final : public buffered_read<line_read, std::optional<std::string_view>> {
 public:
  line_read(read_buffer& b, std::size_t limit) noexcept : buffered_read(b), limit_(limit) {}
  bool look(read_buffer& buffer, bool at_end) noexcept override;
  void give_back(read_buffer& buffer, std::optional<std::string_view>& line) noexcept {
    if (line) untake(buffer);
  }
  /// After look() was satisfied: the line, unless it has failed.
  [[nodiscard]] std::optional<std::string_view> line() const noexcept { return *outcome_ ? **outcome_ : std::nullopt; }

 private:
  std::size_t limit_;
  std::size_t seen_ = 0;
};

/// reader::try_read_line.
[[nodiscard]] WRING_API std::optional<std::string_view> try_read_line(read_buffer& buffer, std::size_t limit) noexcept;

/// reader::read_some.
class WRING_API chunk_read final : public buffered_read<chunk_read, buffer_lease> {
 public:
  explicit chunk_read(read_buffer& b) noexcept : buffered_read(b) {}
  bool look(read_buffer& buffer, bool at_end) noexcept override;
  void give_back(read_buffer& buffer, buffer_lease& chunk) noexcept { buffer.put_back(std::move(chunk)); }
};

/// reader::read.
class WRING_API partial_read final : public buffered_read<partial_read, std::size_t> {
 public:
  partial_read(read_buffer& b, std::span<std::byte> into) noexcept : buffered_read(b), into_(into) {}
  bool look(read_buffer& buffer, bool at_end) noexcept override;
  task<> run(read_buffer& buffer) { return buffer.fill_directly(into_, 1, outcome_.emplace(0U)); }
  void give_back(read_buffer& buffer, std::size_t& count) noexcept { buffer.put_back(into_.first(count)); }

 private:
  std::span<std::byte> into_;
};

/// reader::read_exactly(span).
class WRING_API exact_read final : public buffered_read<exact_read, void> {
 public:
  exact_read(read_buffer& b, std::span<std::byte> into) noexcept : buffered_read(b), into_(into) {}
  bool look(read_buffer& buffer, bool at_end) noexcept override;
  task<> run(read_buffer& buffer);
  void give_back(read_buffer& buffer, std::monostate&) noexcept { buffer.put_back(into_); }

 private:
  std::span<std::byte> into_;
};

}  // namespace wring::net::detail
