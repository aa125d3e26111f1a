// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <new>
#include <zlib.h>

#include <wring/protocols/http/content/detail/compressor.hpp>

namespace wring::http::detail {

namespace {

/// What zlib counts with.
::uInt clamped(std::size_t size) noexcept {
  return static_cast<::uInt>(std::min<std::size_t>(size, std::numeric_limits<::uInt>::max()));
}

class gzip_compressor final : public compressor {
 public:
  explicit gzip_compressor(int level) {
    constexpr int gzip = 16;  // zlib's way to ask for this format
    if (::deflateInit2(&stream_, level, Z_DEFLATED, MAX_WBITS + gzip, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  gzip_compressor(const gzip_compressor&) = delete;
  gzip_compressor& operator=(const gzip_compressor&) = delete;
  ~gzip_compressor() override { ::deflateEnd(&stream_); }

  encoder::progress run(std::span<const std::byte> in, std::span<std::byte> out, encoder::until what) override {
    const ::uInt given = clamped(in.size());
    const ::uInt room = clamped(out.size());
    // zlib does not write to what it reads.
    stream_.next_in = reinterpret_cast<::Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<::Bytef*>(out.data());
    stream_.avail_out = room;
    const int flush = what == encoder::until::end ? Z_FINISH : what == encoder::until::now ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    const int r = ::deflate(&stream_, flush);
    const std::size_t taken = given - stream_.avail_in;
    const std::size_t made = room - stream_.avail_out;
    const bool ended = what == encoder::until::end ? r == Z_STREAM_END : stream_.avail_out != 0;
    return {.taken = taken, .made = made, .done = taken == in.size() && ended};
  }

  bool restart() noexcept override { return ::deflateReset(&stream_) == Z_OK; }

 private:
  ::z_stream stream_{};
};

}  // namespace

std::unique_ptr<compressor> make_gzip_compressor(int level) { return std::make_unique<gzip_compressor>(level); }

}  // namespace wring::http::detail
