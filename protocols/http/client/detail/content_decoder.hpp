// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <wring/core/block_pool.hpp>
#include <wring/core/buffer_lease.hpp>
#include <wring/core/detail/export.hpp>
#include <wring/core/result.hpp>

namespace wring::http::detail {

class decompressor;

/// Undoes a content coding (RFC 9110, section 8.4), however its bytes are cut. What it makes comes in pieces of a
/// bounded size, so that a small body that grows beyond measure costs no more memory than its reader takes.
class WRING_API content_decoder {
 public:
  /// Which codings there are: gzip, deflate with the wrapping of zlib or, as some servers send it, without, and, where
  /// the build has their libraries, br (RFC 7932) and zstd (RFC 8878).
  enum class coding : std::uint8_t { none, gzip, deflate, brotli, zstd };

  /// What the build knows, as Accept-Encoding names it.
  [[nodiscard]] static std::string_view known() noexcept;

  /// Of a field's value; `none` for what it does not know, also for several one above the other.
  [[nodiscard]] static coding coding_of(std::string_view content_encoding) noexcept;

  /// Throws std::bad_alloc.
  explicit content_decoder(coding c);
  content_decoder(const content_decoder&) = delete;
  content_decoder& operator=(const content_decoder&) = delete;
  ~content_decoder();

  /// Whether more is wanted before anything can be made.
  [[nodiscard]] bool wants_input() const noexcept { return input_.empty() && !has_output_; }
  /// Instead of what has been used up.
  void feed(buffer_lease input) noexcept { input_ = std::move(input); }
  /// The next piece of what has been fed. Empty: more is wanted. Faults are EPROTO.
  [[nodiscard]] result<buffer_lease> take(block_pool& pool);
  /// Whether the encoded bytes have ended where they may.
  [[nodiscard]] bool complete() const noexcept { return ended_ || !begun_; }

 private:
  std::unique_ptr<decompressor> by_;
  buffer_lease input_;
  bool begun_ = false;
  bool ended_ = false;
  bool has_output_ = false;
};

}  // namespace wring::http::detail
