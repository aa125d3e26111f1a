// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/content/encoder.hpp>

namespace wring::http {

/// How a body is compressed (RFC 9110, section 8.4.1).
enum class content_coding : std::uint8_t {
  gzip,    ///< RFC 1952, with zlib
  brotli,  ///< RFC 7932; only where the library was built with brotli's encoder
  zstd,    ///< RFC 8878; only where the library was built with zstd
};

/// As Content-Encoding has it: "gzip", "br", "zstd".
[[nodiscard]] WRING_API std::string_view to_string(content_coding c) noexcept;

namespace detail {
class compressor;
}

/// Compresses a body. Sets Content-Encoding, and makes a strong ETag weak. From the first byte of a body on it takes
/// memory: some 260 KiB for gzip, 2.4 MiB for brotli and 1.8 MiB for zstd at their usual levels, much more at the best
/// ones. The windows of the latter are limited to 256 KiB, which bounds what a client has to keep.
/// `response::encode_with` one for a client that is known to accept it; `compression` is the middleware that finds out.
class WRING_API content_encoder final : public encoder {
 public:
  /// What a body is compressed with: gzip 1 to 9, by default 6; brotli 0 to 11, by default 4; zstd 1 to 19, by default
  /// 3. Less is quicker. Throws std::invalid_argument for others, and for a coding that the library was built without.
  explicit content_encoder(content_coding coding = content_coding::gzip, std::optional<int> level = {});
  content_encoder(const content_encoder&) = delete;
  content_encoder& operator=(const content_encoder&) = delete;
  ~content_encoder();

  /// Whether the library was built with the coding.
  [[nodiscard]] static bool knows(content_coding coding) noexcept;

  [[nodiscard]] content_coding coding() const noexcept { return coding_; }

  /// Always true, if there is no Content-Encoding yet.
  [[nodiscard]] bool begin(response& rs) override;
  /// Throws std::bad_alloc.
  [[nodiscard]] progress encode(std::span<const std::byte> in, std::span<std::byte> out, until what) override;
  /// For another body.
  void reset() noexcept;

 private:
  content_coding coding_;
  int level_;
  std::unique_ptr<detail::compressor> compressor_;  // once it is needed
};

}  // namespace wring::http
