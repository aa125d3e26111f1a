// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <wring/protocols/http/content/encoder.hpp>

namespace wring::http::detail {

/// One library's way to make one content coding.
class compressor {
 public:
  compressor() noexcept = default;
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;
  virtual ~compressor() = default;

  /// As encoder::encode. Throws std::bad_alloc.
  [[nodiscard]] virtual encoder::progress run(std::span<const std::byte> in, std::span<std::byte> out,
                                              encoder::until what) = 0;
  /// Begins anew, wherever it was, with the memory that it has. False: it cannot.
  [[nodiscard]] virtual bool restart() noexcept = 0;
};

/// The largest distance, as a power of two, that brotli and zstd refer back to: it bounds what they, and who decodes
/// it, keep.
inline constexpr int compressor_window_bits = 18;

// Each throws std::bad_alloc. Those of libraries that the build lacks do not exist.
[[nodiscard]] std::unique_ptr<compressor> make_gzip_compressor(int level);
[[nodiscard]] std::unique_ptr<compressor> make_brotli_compressor(int level);
[[nodiscard]] std::unique_ptr<compressor> make_zstd_compressor(int level);

}  // namespace wring::http::detail
