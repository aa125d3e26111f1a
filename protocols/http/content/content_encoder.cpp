// SPDX-License-Identifier: MIT
#include <array>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include <wring/protocols/http/content/content_encoder.hpp>
#include <wring/protocols/http/content/detail/compressor.hpp>
#include <wring/protocols/http/response.hpp>

namespace wring::http {

namespace {

/// What there is of each coding.
struct coding_facts {
  std::string_view name;
  int fastest;
  int best;
  int usual;
  std::unique_ptr<detail::compressor> (*make)(int level);  // null: the library was built without it
};

constexpr std::array<coding_facts, 3> codings = {{
    {"gzip", 1, 9, 6, detail::make_gzip_compressor},
#if WRING_HAS_BROTLI
    {"br", 0, 11, 4, detail::make_brotli_compressor},
#else
    {"br", 0, 11, 4, nullptr},
#endif
#if WRING_HAS_ZSTD
    {"zstd", 1, 19, 3, detail::make_zstd_compressor},
#else
    {"zstd", 1, 19, 3, nullptr},
#endif
}};

const coding_facts& facts_of(content_coding c) noexcept { return codings[static_cast<std::size_t>(c)]; }

}  // namespace

std::string_view to_string(content_coding c) noexcept { return facts_of(c).name; }

bool content_encoder::knows(content_coding coding) noexcept { return facts_of(coding).make != nullptr; }

content_encoder::content_encoder(content_coding coding, std::optional<int> level)
    : coding_(coding), level_(level.value_or(facts_of(coding).usual)) {
  const coding_facts& of = facts_of(coding);
  if (of.make == nullptr) {
    throw std::invalid_argument(fmt::format("content_encoder: Wring was built without the coding {}", of.name));
  }
  if (level_ < of.fastest || level_ > of.best) {
    throw std::invalid_argument(
        fmt::format("content_encoder: {} has no level {}, but {} to {}", of.name, level_, of.fastest, of.best));
  }
}

content_encoder::~content_encoder() = default;

void content_encoder::reset() noexcept {
  if (compressor_ != nullptr && !compressor_->restart()) compressor_ = nullptr;
}

bool content_encoder::begin(response& rs) {
  if (rs.header("content-encoding")) return false;
  rs.header("Content-Encoding", to_string(coding_));
  // The bytes are others than those that the tag was made of (RFC 9110, section 8.8.1).
  const std::optional<std::string_view> tag = rs.header("etag");
  if (tag && tag->starts_with('"')) rs.header("ETag", "W/" + std::string(*tag));
  return true;
}

encoder::progress content_encoder::encode(std::span<const std::byte> in, std::span<std::byte> out, until what) {
  if (compressor_ == nullptr) compressor_ = facts_of(coding_).make(level_);
  return compressor_->run(in, out, what);
}

}  // namespace wring::http
