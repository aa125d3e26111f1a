// SPDX-License-Identifier: MIT
#include <new>
#include <zstd.h>

#include <wring/protocols/http/content/detail/compressor.hpp>

namespace wring::http::detail {

namespace {

class zstd_compressor final : public compressor {
 public:
  explicit zstd_compressor(int level) : stream_(ZSTD_createCCtx()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    static_cast<void>(ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, level));
    static_cast<void>(ZSTD_CCtx_setParameter(stream_, ZSTD_c_windowLog, compressor_window_bits));
  }
  zstd_compressor(const zstd_compressor&) = delete;
  zstd_compressor& operator=(const zstd_compressor&) = delete;
  ~zstd_compressor() override { ZSTD_freeCCtx(stream_); }

  encoder::progress run(std::span<const std::byte> in, std::span<std::byte> out, encoder::until what) override {
    const ZSTD_EndDirective directive = what == encoder::until::end   ? ZSTD_e_end
                                        : what == encoder::until::now ? ZSTD_e_flush
                                                                      : ZSTD_e_continue;
    ZSTD_inBuffer input{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer output{.dst = out.data(), .size = out.size(), .pos = 0};
    const std::size_t left = ZSTD_compressStream2(stream_, &output, &input, directive);
    // Used as documented, it fails only for want of memory.
    if (ZSTD_isError(left) != 0) throw std::bad_alloc();
    const bool ended = what == encoder::until::more || left == 0;
    return {.taken = input.pos, .made = output.pos, .done = input.pos == input.size && ended};
  }

  bool restart() noexcept override { return ZSTD_isError(ZSTD_CCtx_reset(stream_, ZSTD_reset_session_only)) == 0; }

 private:
  ZSTD_CCtx* stream_;
};

}  // namespace

std::unique_ptr<compressor> make_zstd_compressor(int level) { return std::make_unique<zstd_compressor>(level); }

}  // namespace wring::http::detail
