// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/task.hpp>
#include <wring/protocols/http/handler.hpp>

namespace wring::http::detail {

/// A handler, and the middleware around it, the outermost first.
struct chain {
  std::vector<middleware> around;
  handler inner;

  [[nodiscard]] bool is_task() const noexcept {
    if (inner.is_task()) return true;
    for (const middleware& m : around) {
      if (m.is_task()) return true;
    }
    return false;
  }
  /// If nothing of it is a task.
  void call(request& rq, response& rs) const {
    for (const middleware& m : around) {
      if (m.call(rq, rs) == answered) return;
    }
    inner.call(rq, rs);
  }
};

/// Runs what is from `index` on.
[[nodiscard]] WRING_API task<> run_chain(const chain& c, std::size_t index, request& rq, response& rs);

}  // namespace wring::http::detail
