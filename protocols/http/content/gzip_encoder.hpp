// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/content/encoder.hpp>

namespace wring::http {

/// Compresses a body as gzip (RFC 1952), with zlib. Sets Content-Encoding, and makes a strong ETag weak. Takes some
/// 260 KiB from the first byte of a body on. `response::encode_with` one for a client that is known to accept it;
/// `compression` is the middleware that finds out.
class WRING_API gzip_encoder final : public encoder {
 public:
  /// 1, the fastest, to 9. Throws std::invalid_argument for others.
  explicit gzip_encoder(int level = 6);
  gzip_encoder(const gzip_encoder&) = delete;
  gzip_encoder& operator=(const gzip_encoder&) = delete;
  ~gzip_encoder();

  /// Always true, if there is no Content-Encoding yet.
  [[nodiscard]] bool begin(response& rs) override;
  /// Throws std::bad_alloc.
  [[nodiscard]] progress encode(std::span<const std::byte> in, std::span<std::byte> out, until what) override;
  /// For another body.
  void reset() noexcept;

 private:
  struct state;

  int level_;
  std::unique_ptr<state> state_;  // once it is needed
};

namespace detail {

/// The fields of an answer that is encoded so.
WRING_API void set_coding(response& rs, std::string_view coding);

}  // namespace detail

}  // namespace wring::http
