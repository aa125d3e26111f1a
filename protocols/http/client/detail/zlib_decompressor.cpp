// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <new>
#include <zlib.h>

#include <wring/protocols/http/client/detail/decompressor.hpp>

namespace wring::http::detail {

namespace {

constexpr int gzip_window = 15 + 16;
constexpr int zlib_window = 15;
constexpr int raw_window = -15;

class zlib_decompressor final : public decompressor {
 public:
  explicit zlib_decompressor(int window_bits) : is_gzip_(window_bits == gzip_window) { open(window_bits); }
  zlib_decompressor(const zlib_decompressor&) = delete;
  zlib_decompressor& operator=(const zlib_decompressor&) = delete;
  ~zlib_decompressor() override { inflateEnd(&z_); }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (!begun_ && !in.empty()) {
      // Some servers send deflate without the wrapping of zlib.
      if (!is_gzip_ && (static_cast<unsigned>(in.front()) & 0x0fU) != Z_DEFLATED) {
        inflateEnd(&z_);
        open(raw_window);
      }
      begun_ = true;
    }
    z_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
    z_.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT_MAX));
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), UINT_MAX));
    const uInt input = z_.avail_in;
    const uInt room = z_.avail_out;
    const int said = inflate(&z_, Z_NO_FLUSH);
    if (said == Z_MEM_ERROR) throw std::bad_alloc();
    const bool goes_on = said == Z_OK || said == Z_BUF_ERROR;
    const outcome state = said == Z_STREAM_END ? outcome::ended : goes_on ? outcome::more : outcome::broken;
    return {.consumed = input - z_.avail_in, .made = room - z_.avail_out, .state = state};
  }

  // Several members are one body (RFC 1952, section 2.2); behind the one of deflate there is nothing.
  bool restart() noexcept override { return is_gzip_ && inflateReset(&z_) == Z_OK; }

 private:
  void open(int window_bits) {
    z_ = {};
    if (inflateInit2(&z_, window_bits) != Z_OK) throw std::bad_alloc();
  }

  z_stream z_{};
  bool is_gzip_;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<decompressor> make_gzip_decompressor() { return std::make_unique<zlib_decompressor>(gzip_window); }
std::unique_ptr<decompressor> make_deflate_decompressor() { return std::make_unique<zlib_decompressor>(zlib_window); }

}  // namespace wring::http::detail
