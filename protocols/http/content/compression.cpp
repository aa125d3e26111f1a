// SPDX-License-Identifier: MIT
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/protocols/http/content/compression.hpp>
#include <wring/protocols/http/content/content_encoder.hpp>
#include <wring/protocols/http/content/media_type.hpp>
#include <wring/protocols/http/content/negotiation.hpp>

namespace wring::http {

/// The compressors that nobody uses, and what is offered.
struct compression::pool {
  struct offer {
    content_coding coding;
    int level;
    std::vector<std::unique_ptr<content_encoder>> idle;
  };

  explicit pool(const compression_options& o) : options(o) {
    add(content_coding::zstd, o.zstd);
    add(content_coding::brotli, o.brotli);
    add(content_coding::gzip, o.gzip);
    if (offers.empty()) throw std::invalid_argument("compression: no coding is left to be offered");
  }

  void add(content_coding coding, std::optional<int> level) {
    if (!level || !content_encoder::knows(coding)) return;
    const content_encoder check(coding, level);
    offers.push_back({.coding = coding, .level = *level, .idle = {}});
    offers.back().idle.reserve(options.kept);
    names.push_back(to_string(coding));
  }

  compression_options options;
  std::vector<offer> offers;
  std::vector<std::string_view> names;  // of them
  std::size_t lent = 0;
};

/// A request's, which borrows a compressor if its answer is compressed.
class compression::lent_encoder final : public encoder {
 public:
  lent_encoder(std::shared_ptr<pool> from, pool::offer& which, const request& rq) noexcept
      : pool_(std::move(from)), offer_(which), request_(rq) {}
  lent_encoder(const lent_encoder&) = delete;
  lent_encoder& operator=(const lent_encoder&) = delete;
  ~lent_encoder() {
    if (lent_ == nullptr) return;
    --pool_->lent;
    if (offer_.idle.size() == pool_->options.kept) return;
    lent_->reset();
    offer_.idle.push_back(std::move(lent_));  // there is room
  }

  bool begin(response& rs) override {
    if (!is_wanted(rs)) return false;
    if (offer_.idle.empty()) {
      lent_ = std::make_unique<content_encoder>(offer_.coding, offer_.level);
    } else {
      lent_ = std::move(offer_.idle.back());
      offer_.idle.pop_back();
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
  pool::offer& offer_;  // of the pool
  const request& request_;
  std::unique_ptr<content_encoder> lent_;
};

compression::compression(const compression_options& options) : pool_(std::make_shared<pool>(options)) {}

void compression::operator()(request& rq, response& rs) const {
  rs.append("Vary", "Accept-Encoding");
  const std::optional<std::size_t> chosen = choose_coding(rq.headers(), pool_->names);
  if (!chosen || *chosen == pool_->offers.size()) return;
  rs.encode_with(rq.emplace<lent_encoder>(pool_, pool_->offers[*chosen], rq));
}

}  // namespace wring::http
