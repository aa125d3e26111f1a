// SPDX-License-Identifier: MIT
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/protocols/http/content/compression.hpp>
#include <wring/protocols/http/content/gzip_encoder.hpp>
#include <wring/protocols/http/content/media_type.hpp>
#include <wring/protocols/http/content/negotiation.hpp>

namespace wring::http {

/// The compressors that nobody uses.
struct compression::pool {
  explicit pool(const compression_options& o) : options(o) { idle.reserve(o.kept); }

  compression_options options;
  std::vector<std::unique_ptr<gzip_encoder>> idle;
  std::size_t lent = 0;
};

/// A request's, which borrows a compressor if its answer is compressed.
class compression::lent_encoder final : public encoder {
 public:
  lent_encoder(std::shared_ptr<pool> from, const request& rq) noexcept : pool_(std::move(from)), request_(rq) {}
  lent_encoder(const lent_encoder&) = delete;
  lent_encoder& operator=(const lent_encoder&) = delete;
  ~lent_encoder() {
    if (lent_ == nullptr) return;
    --pool_->lent;
    if (pool_->idle.size() == pool_->options.kept) return;
    lent_->reset();
    pool_->idle.push_back(std::move(lent_));  // there is room
  }

  bool begin(response& rs) override {
    if (!is_wanted(rs)) return false;
    if (pool_->idle.empty()) {
      lent_ = std::make_unique<gzip_encoder>(pool_->options.level);
    } else {
      lent_ = std::move(pool_->idle.back());
      pool_->idle.pop_back();
    }
    ++pool_->lent;
    return lent_->begin(rs);
  }
  progress encode(std::span<const std::byte> in, std::span<std::byte> out, until what) override {
    return lent_->encode(in, out, what);
  }

 private:
  [[nodiscard]] bool is_wanted(const response& rs) const {
    const compression_options& o = pool_->options;
    if (pool_->lent >= o.at_once || rs.status() == 206 || rs.status() == 204 || rs.status() == 304) return false;
    if (rs.header("content-encoding") || !is_compressible(rs.header("content-type").value_or(""))) return false;
    if (const auto size = rs.known_length(); size && *size < o.smallest) return false;
    if (rs.lists("cache-control", "no-transform")) return false;
    if (o.secrets) return true;
    return !rs.header("set-cookie") && !rs.lists("cache-control", "private") && !rs.lists("vary", "cookie") &&
           !rs.lists("vary", "authorization") && !request_.header("authorization");
  }

  std::shared_ptr<pool> pool_;
  const request& request_;
  std::unique_ptr<gzip_encoder> lent_;
};

compression::compression(const compression_options& options) : pool_(std::make_shared<pool>(options)) {
  const gzip_encoder check(options.level);
}

void compression::operator()(request& rq, response& rs) const {
  rs.append("Vary", "Accept-Encoding");
  constexpr std::array<std::string_view, 1> codings = {"gzip"};
  if (choose_coding(rq.headers(), codings) != std::size_t{0}) return;
  rs.encode_with(rq.emplace<lent_encoder>(pool_, rq));
}

}  // namespace wring::http
