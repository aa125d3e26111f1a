// SPDX-License-Identifier: MIT
#include <brotli/encode.h>
#include <new>

#include <wring/protocols/http/content/detail/compressor.hpp>

namespace wring::http::detail {

namespace {

class brotli_compressor final : public compressor {
 public:
  explicit brotli_compressor(int level) : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) throw std::bad_alloc();
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(level));
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, compressor_window_bits);
  }
  brotli_compressor(const brotli_compressor&) = delete;
  brotli_compressor& operator=(const brotli_compressor&) = delete;
  ~brotli_compressor() override { BrotliEncoderDestroyInstance(state_); }

  encoder::progress run(std::span<const std::byte> in, std::span<std::byte> out, encoder::until what) override {
    const BrotliEncoderOperation operation = what == encoder::until::end   ? BROTLI_OPERATION_FINISH
                                             : what == encoder::until::now ? BROTLI_OPERATION_FLUSH
                                                                           : BROTLI_OPERATION_PROCESS;
    std::size_t left = in.size();
    std::size_t room = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    // Used as documented, it fails only for want of memory.
    if (BrotliEncoderCompressStream(state_, operation, &left, &next_in, &room, &next_out, nullptr) == BROTLI_FALSE) {
      throw std::bad_alloc();
    }
    const bool ended = what == encoder::until::end ? BrotliEncoderIsFinished(state_) != BROTLI_FALSE
                                                   : BrotliEncoderHasMoreOutput(state_) == BROTLI_FALSE;
    return {.taken = in.size() - left, .made = out.size() - room, .done = left == 0 && ended};
  }

  bool restart() noexcept override { return false; }

 private:
  BrotliEncoderState* state_;
};

}  // namespace

std::unique_ptr<compressor> make_brotli_compressor(int level) { return std::make_unique<brotli_compressor>(level); }

}  // namespace wring::http::detail
