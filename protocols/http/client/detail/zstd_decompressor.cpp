// SPDX-License-Identifier: MIT
#include <new>
#include <zstd.h>
#include <zstd_errors.h>

#include <wring/protocols/http/client/detail/decompressor.hpp>

namespace wring::http::detail {

namespace {

constexpr int window_bits = 23;  // RFC 9659: what needs a larger one is no content coding "zstd"

class zstd_decompressor final : public decompressor {
 public:
  zstd_decompressor() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    static_cast<void>(ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, window_bits));
  }
  zstd_decompressor(const zstd_decompressor&) = delete;
  zstd_decompressor& operator=(const zstd_decompressor&) = delete;
  ~zstd_decompressor() override { ZSTD_freeDStream(stream_); }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    ZSTD_inBuffer input{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer output{.dst = out.data(), .size = out.size(), .pos = 0};
    const std::size_t said = ZSTD_decompressStream(stream_, &output, &input);
    outcome state = said == 0 ? outcome::ended : outcome::more;
    if (ZSTD_isError(said) != 0) {
      if (ZSTD_getErrorCode(said) == ZSTD_error_memory_allocation) throw std::bad_alloc();
      state = outcome::broken;
    }
    return {.consumed = input.pos, .made = output.pos, .state = state};
  }

  // Several frames are one body (RFC 8878, section 3); the library begins the next one itself.
  bool restart() noexcept override { return true; }

 private:
  ZSTD_DStream* stream_;
};

}  // namespace

std::unique_ptr<decompressor> make_zstd_decompressor() { return std::make_unique<zstd_decompressor>(); }

}  // namespace wring::http::detail
