// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/detail/exchange.hpp>
#include <wring/protocols/http/detail/route_tree.hpp>
#include <wring/protocols/http/router.hpp>

namespace wring::http::detail {

/// What a router says of a request.
class WRING_API route_match {
 public:
  /// Looks `x`'s path up. Its parameters are kept in its memory.
  route_match(const router& r, exchange& x);

  /// Null: the status is to be answered.
  [[nodiscard]] const route_entry* entry() const noexcept { return entry_; }
  [[nodiscard]] int status() const noexcept { return status_; }
  /// For 405 and OPTIONS.
  [[nodiscard]] std::string_view allow() const noexcept { return allow_; }

 private:
  static constexpr std::size_t most_parameters = 16;

  [[nodiscard]] const route_node* find(const route_node& at, std::string_view path, std::size_t captured);
  [[nodiscard]] std::string_view decoded(std::string_view text);
  void choose(const router& r, const route_node& node);
  void list_methods(const route_node& node);

  exchange& exchange_;
  const route_entry* entry_ = nullptr;
  int status_ = 404;
  std::string_view allow_;
  std::size_t count_ = 0;
  union {
    std::string_view captured_[most_parameters];  // the first count_ of them, or those of the attempt
  };
};

}  // namespace wring::http::detail
