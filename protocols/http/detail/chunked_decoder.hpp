// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/refusal.hpp>

namespace wring::http::detail {

/// Takes a chunked body (RFC 9112, section 7.1) apart, however it is cut. Strict: a size is 1 to 16 digits, every line
/// ends with CRLF, extensions are skipped but bounded.
class WRING_API chunked_decoder {
 public:
  static constexpr std::size_t most_line = 256;             ///< of a line with a size, without its CRLF
  static constexpr std::size_t most_extensions = 4 * 1024;  ///< of a body

  enum class status : std::uint8_t {
    more,      ///< all has been consumed
    data,      ///< the last `data` bytes of those consumed belong to the body
    trailers,  ///< the last chunk has come: the trailer section follows, which may be empty
    refused,
  };
  struct step {
    std::size_t consumed;
    std::size_t data;
    status state;
  };

  /// Takes bytes up to the end of the next piece of data. Not to be called after `trailers` or `refused`.
  [[nodiscard]] step feed(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] const refusal& why() const noexcept { return refusal_; }
  /// Bytes of the current chunk that have not come.
  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

 private:
  enum class state : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf };

  [[nodiscard]] bool take(char c) noexcept;
  [[nodiscard]] bool refuse(int code, const char* reason) noexcept {
    refusal_ = {code, reason};
    return false;
  }

  std::uint64_t left_ = 0;
  refusal refusal_;
  std::uint16_t line_ = 0;        // bytes of this line
  std::uint16_t extensions_ = 0;  // bytes of all extensions
  std::uint8_t digits_ = 0;
  state state_ = state::size;
  bool last_ = false;
};

}  // namespace wring::http::detail
