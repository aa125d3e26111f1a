// SPDX-License-Identifier: MIT
#include <cerrno>
#include <utility>

#include <wring/protocols/http/client/detail/content_decoder.hpp>
#include <wring/protocols/http/client/detail/decompressor.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail {

namespace {

using coding = content_decoder::coding;

constexpr std::size_t piece_size = std::size_t{16} * 1024;

error broken(const char* why) noexcept {
  return error::from_errno(EPROTO, "decode the body of an answer").with_detail(why);
}

std::unique_ptr<decompressor> decompressor_for(coding c) {
  switch (c) {
    case coding::gzip:
      return make_gzip_decompressor();
#if WRING_HAS_BROTLI
    case coding::brotli:
      return make_brotli_decompressor();
#endif
#if WRING_HAS_ZSTD
    case coding::zstd:
      return make_zstd_decompressor();
#endif
    default:
      return make_deflate_decompressor();
  }
}

}  // namespace

std::string_view content_decoder::known() noexcept {
#if WRING_HAS_BROTLI && WRING_HAS_ZSTD
  return "gzip, deflate, br, zstd";
#elif WRING_HAS_BROTLI
  return "gzip, deflate, br";
#elif WRING_HAS_ZSTD
  return "gzip, deflate, zstd";
#else
  return "gzip, deflate";
#endif
}

content_decoder::coding content_decoder::coding_of(std::string_view content_encoding) noexcept {
  const std::string_view name = trimmed(content_encoding);
  if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) return coding::gzip;
#if WRING_HAS_BROTLI
  if (equals_ignoring_case(name, "br")) return coding::brotli;
#endif
#if WRING_HAS_ZSTD
  if (equals_ignoring_case(name, "zstd")) return coding::zstd;
#endif
  return equals_ignoring_case(name, "deflate") ? coding::deflate : coding::none;
}

content_decoder::content_decoder(coding c) : by_(decompressor_for(c)) {}
content_decoder::~content_decoder() = default;

result<buffer_lease> content_decoder::take(block_pool& pool) {
  while (!wants_input()) {
    if (ended_) {
      if (!by_->restart()) return broken("there are bytes behind the end of what is compressed");
      ended_ = false;
    }
    begun_ = true;
    buffer_lease piece = pool.acquire(piece_size);
    const decompressor::step s = by_->run({input_.data(), input_.size()}, {piece.data(), piece.size()});
    if (s.consumed != 0) input_.consume(s.consumed);
    if (s.state == decompressor::outcome::broken) return broken("what is compressed is broken");
    ended_ = s.state == decompressor::outcome::ended;
    has_output_ = !ended_ && s.made == piece.size();
    piece.truncate(s.made);
    if (!piece.empty()) return piece;
  }
  return buffer_lease();
}

}  // namespace wring::http::detail
