// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include <wring/net/descriptor.hpp>
#include <wring/net/shared_bytes.hpp>
#include <wring/protocols/http/content/detail/served_file.hpp>

namespace wring::http::detail {

/// Which file of a cache.
struct cached_name {
  std::uint64_t device = 0;  ///< of the root
  std::uint64_t number = 0;
  unsigned how = 0;  ///< what of the request and the options decides which file it is
  std::string_view path;

  friend bool operator==(const cached_name&, const cached_name&) = default;

  struct hash {
    std::size_t operator()(const cached_name& n) const noexcept {
      std::size_t h = std::hash<std::string_view>()(n.path);
      for (const std::uint64_t part : {n.device, n.number, std::uint64_t{n.how}}) h = h * 1099511628211U ^ part;
      return h;
    }
  };
};

/// A file in memory, or a large one that is kept open. Of any thread.
class cached_file {
 public:
  /// `now`: of the steady clock, in nanoseconds.
  cached_file(served_file f, net::shared_bytes b, std::int64_t now) noexcept
      : facts(std::move(f)), bytes(std::move(b)), looked_at_(now) {}
  cached_file(served_file f, net::descriptor open, std::int64_t now) noexcept
      : facts(std::move(f)), opened(std::move(open)), looked_at_(now) {}

  /// Whether it is time to look at the file, which the caller, and nobody else, then has to do.
  [[nodiscard]] bool begin_look(std::int64_t now, std::int64_t fresh) noexcept {
    std::int64_t last = looked_at_.load(std::memory_order_relaxed);
    return now - last > fresh && looked_at_.compare_exchange_strong(last, now, std::memory_order_relaxed);
  }

  const served_file facts;
  const net::shared_bytes bytes;
  const net::descriptor opened;         // instead of them
  std::atomic<bool> in_memory = false;  ///< when it was last looked at, all that is open was

 private:
  std::atomic<std::int64_t> looked_at_;
};

}  // namespace wring::http::detail
