// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <zlib.h>

#include <wring/protocols/http/content/gzip_encoder.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

namespace {

/// What zlib counts with.
::uInt clamped(std::size_t size) noexcept {
  return static_cast<::uInt>(std::min<std::size_t>(size, std::numeric_limits<::uInt>::max()));
}

}  // namespace

struct gzip_encoder::state {
  explicit state(int level) {
    constexpr int gzip = 16;  // zlib's way to ask for this format
    if (::deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + gzip, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { ::deflateEnd(&stream); }

  ::z_stream stream{};
};

gzip_encoder::gzip_encoder(int level) : level_(level) {
  if (level < 1 || level > 9) throw std::invalid_argument("gzip_encoder: a level is 1 to 9");
}

gzip_encoder::~gzip_encoder() = default;

void gzip_encoder::reset() noexcept {
  if (state_ != nullptr) ::deflateReset(&state_->stream);
}

bool gzip_encoder::begin(response& rs) {
  if (rs.header("content-encoding")) return false;
  detail::set_coding(rs, "gzip");
  return true;
}

encoder::progress gzip_encoder::encode(std::span<const std::byte> in, std::span<std::byte> out, until what) {
  if (state_ == nullptr) state_ = std::make_unique<state>(level_);
  ::z_stream& z = state_->stream;
  const ::uInt given = clamped(in.size());
  const ::uInt room = clamped(out.size());
  // zlib does not write to what it reads.
  z.next_in = reinterpret_cast<::Bytef*>(const_cast<std::byte*>(in.data()));
  z.avail_in = given;
  z.next_out = reinterpret_cast<::Bytef*>(out.data());
  z.avail_out = room;
  const int flush = what == until::end ? Z_FINISH : what == until::now ? Z_SYNC_FLUSH : Z_NO_FLUSH;
  const int r = ::deflate(&z, flush);
  const std::size_t taken = given - z.avail_in;
  const std::size_t made = room - z.avail_out;
  const bool done = taken == in.size() && (what == until::end ? r == Z_STREAM_END : z.avail_out != 0);
  return {.taken = taken, .made = made, .done = done};
}

void detail::set_coding(response& rs, std::string_view coding) {
  rs.header("Content-Encoding", coding);
  // The bytes are others than those that the tag was made of (RFC 9110, section 8.8.1).
  const std::optional<std::string_view> tag = rs.header("etag");
  if (tag && tag->starts_with('"')) rs.header("ETag", "W/" + std::string(*tag));
}

}  // namespace wring::http
