// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/refusal.hpp>
#include <wring/protocols/http/fields.hpp>

namespace wring::http::detail {

/// Takes a multipart body (RFC 2046, section 5.1) apart, however it is cut. It has one strict mode: lines end with
/// CRLF, nothing precedes the first boundary or follows the last but a line end, and nothing stands behind a boundary.
/// What it keeps is the head of a part; of data it keeps nothing.
class WRING_API multipart_parser {
 public:
  static constexpr std::size_t longest_boundary = 70;
  static constexpr std::size_t most_fields = 16;  ///< of a part's head

  enum class status : std::uint8_t {
    more,  ///< all has been consumed
    head,  ///< a part begins: see headers()
    data,  ///< of the part
    part_end,
    end,      ///< of the whole
    refused,  ///< see why()
  };
  struct step {
    std::size_t consumed;
    status state;
    /// Of the part. It is in the bytes that were passed, and these begin with it, or it is what looked like a boundary
    /// at first, and valid as long as the parser.
    std::span<const std::byte> data = {};
  };

  /// `boundary` as in Content-Type. `head`: the most bytes of a part's head.
  multipart_parser(std::string_view boundary, std::size_t head);

  /// Takes bytes up to the next event. Not to be called after `end` or `refused`; the bytes must not be empty.
  [[nodiscard]] step feed(std::span<const std::byte> bytes);
  /// The fields of the part that began last.
  [[nodiscard]] fields headers() const noexcept { return store_.all(); }
  [[nodiscard]] const refusal& why() const noexcept { return refusal_; }
  /// What follows the end: nothing, or a line end. Whether it is that.
  [[nodiscard]] bool take_epilogue(std::span<const std::byte> bytes) noexcept;

 private:
  enum class place : std::uint8_t { first, behind_boundary, behind_dash, behind_return, head, data };

  [[nodiscard]] step feed_data(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] step feed_head(std::span<const std::byte> bytes);
  [[nodiscard]] step refuse(int code, const char* reason) noexcept;
  /// How many of the bytes go on with the delimiter.
  [[nodiscard]] std::size_t match(std::string_view text) noexcept;

  std::string delimiter_;  // CRLF, two dashes, the boundary
  std::size_t head_limit_;
  std::vector<std::max_align_t> memory_;
  head_store store_;
  std::optional<head_parser> parser_;
  refusal refusal_;
  std::size_t matched_ = 0;  // of the delimiter, of bytes that were consumed
  std::size_t epilogue_ = 0;
  place place_ = place::first;
};

/// The boundary of a Content-Type that is multipart/form-data; none if it is another, or has none that is valid.
[[nodiscard]] WRING_API std::optional<std::string> boundary_of(std::string_view content_type);

/// What Content-Disposition says of a part of a form (RFC 7578, section 4.2).
struct form_disposition {
  std::string name;
  std::optional<std::string> filename;
};
/// None if it is malformed, or the part is none of a form.
[[nodiscard]] WRING_API std::optional<form_disposition> parse_disposition(std::string_view text);

}  // namespace wring::http::detail
