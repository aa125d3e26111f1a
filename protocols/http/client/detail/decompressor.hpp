// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace wring::http::detail {

/// One library's way to undo one content coding. What it keeps between steps is bounded by the coding's window: 32 KiB
/// of deflate, 16 MiB of brotli (RFC 7932, section 9.1), 8 MiB of zstd (RFC 9659).
class decompressor {
 public:
  enum class outcome : std::uint8_t {
    more,   ///< it goes on: with more input, or with more room if all of it has been filled
    ended,  ///< what is compressed has ended, and all of it has been given out
    broken
  };
  struct step {
    std::size_t consumed;
    std::size_t made;
    outcome state;
  };

  decompressor() noexcept = default;
  decompressor(const decompressor&) = delete;
  decompressor& operator=(const decompressor&) = delete;
  virtual ~decompressor() = default;

  /// Throws std::bad_alloc.
  [[nodiscard]] virtual step run(std::span<const std::byte> in, std::span<std::byte> out) = 0;
  /// Begins anew where bytes follow the end. False: the coding allows none there.
  [[nodiscard]] virtual bool restart() noexcept = 0;
};

// Each throws std::bad_alloc. Those of libraries that the build lacks do not exist.
[[nodiscard]] std::unique_ptr<decompressor> make_gzip_decompressor();
[[nodiscard]] std::unique_ptr<decompressor> make_deflate_decompressor();
[[nodiscard]] std::unique_ptr<decompressor> make_brotli_decompressor();
[[nodiscard]] std::unique_ptr<decompressor> make_zstd_decompressor();

}  // namespace wring::http::detail
