// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <utility>
#include <zlib.h>

#include <wring/protocols/http/client/detail/content_decoder.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail {

namespace {

constexpr std::size_t piece_size = std::size_t{16} * 1024;
constexpr int gzip_window = 15 + 16;
constexpr int zlib_window = 15;
constexpr int raw_window = -15;

error broken(const char* why) noexcept {
  return error::from_errno(EPROTO, "decode the body of an answer").with_detail(why);
}

}  // namespace

struct content_decoder::state {
  state() noexcept = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { close(); }
  void close() noexcept {
    if (is_open) inflateEnd(&z);
    is_open = false;
  }

  z_stream z{};
  bool is_open = false;
};

content_decoder::coding content_decoder::coding_of(std::string_view content_encoding) noexcept {
  const std::string_view name = trimmed(content_encoding);
  if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) return coding::gzip;
  return equals_ignoring_case(name, "deflate") ? coding::deflate : coding::none;
}

content_decoder::content_decoder(coding c) : state_(std::make_unique<state>()), coding_(c) {
  if (!open(c == coding::gzip ? gzip_window : zlib_window)) throw std::bad_alloc();
}
content_decoder::~content_decoder() = default;

bool content_decoder::open(int window_bits) noexcept {
  state_->close();
  state_->z = {};
  state_->is_open = inflateInit2(&state_->z, window_bits) == Z_OK;
  return state_->is_open;
}

result<buffer_lease> content_decoder::take(block_pool& pool) {
  z_stream& z = state_->z;
  while (!wants_input()) {
    if (ended_) {
      // Several members are one body (RFC 1952, section 2.2); behind the one of deflate there is nothing.
      if (coding_ != coding::gzip) return broken("there are bytes behind the end of what is compressed");
      if (inflateReset(&z) != Z_OK) return broken("what is compressed cannot be continued");
      ended_ = false;
    }
    if (!begun_ && coding_ == coding::deflate && (static_cast<unsigned>(input_.data()[0]) & 0x0fU) != Z_DEFLATED &&
        !open(raw_window)) {
      throw std::bad_alloc();
    }
    begun_ = true;
    buffer_lease piece = pool.acquire(piece_size);
    z.next_in = reinterpret_cast<Bytef*>(input_.data());
    z.avail_in = static_cast<uInt>(std::min<std::size_t>(input_.size(), UINT_MAX));
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = static_cast<uInt>(piece.size());
    const uInt before = z.avail_in;
    const int outcome = inflate(&z, Z_NO_FLUSH);
    if (before != z.avail_in) input_.consume(before - z.avail_in);
    has_output_ = z.avail_out == 0;
    ended_ = outcome == Z_STREAM_END;
    if (ended_) has_output_ = false;
    if (outcome == Z_MEM_ERROR) throw std::bad_alloc();
    if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) {
      return broken("what is compressed is broken");
    }
    piece.truncate(piece.size() - z.avail_out);
    if (!piece.empty()) return piece;
  }
  return buffer_lease();
}

}  // namespace wring::http::detail
