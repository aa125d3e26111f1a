// SPDX-License-Identifier: MIT
#include <brotli/decode.h>
#include <cstdint>
#include <new>

#include <wring/protocols/http/client/detail/decompressor.hpp>

namespace wring::http::detail {

namespace {

/// "br" (RFC 7932). Its windows of more than 16 MiB, which are no part of that, stay refused.
class brotli_decompressor final : public decompressor {
 public:
  brotli_decompressor() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  brotli_decompressor(const brotli_decompressor&) = delete;
  brotli_decompressor& operator=(const brotli_decompressor&) = delete;
  ~brotli_decompressor() override { BrotliDecoderDestroyInstance(state_); }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    std::size_t input = in.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    std::size_t room = out.size();
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto said = BrotliDecoderDecompressStream(state_, &input, &next_in, &room, &next_out, nullptr);
    step s{.consumed = in.size() - input, .made = out.size() - room, .state = outcome::more};
    if (said == BROTLI_DECODER_RESULT_SUCCESS) s.state = outcome::ended;
    if (said == BROTLI_DECODER_RESULT_ERROR) {
      const auto why = BrotliDecoderGetErrorCode(state_);
      // The errors of allocation are numbered together.
      if (why <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && why >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES) {
        throw std::bad_alloc();
      }
      s.state = outcome::broken;
    }
    return s;
  }

  bool restart() noexcept override { return false; }

 private:
  BrotliDecoderState* state_;
};

}  // namespace

std::unique_ptr<decompressor> make_brotli_decompressor() { return std::make_unique<brotli_decompressor>(); }

}  // namespace wring::http::detail
