// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <wring/core/callback/deferred.hpp>

namespace wring::tests {

/// Appends the chain's end to `log`: its value, "cancelled", "broken", or its failure's text.
template <class T>
void note_end(deferred<T>& d, std::string& log) {
  d.add_callbacks(
      [&log](T n) {
        log += std::to_string(n);
        return n;
      },
      [&log](const failure& f) {
        log += f.check<cancelled_error>() ? "cancelled" : f.check<broken_deferred>() ? "broken" : f.message();
        return T();
      });
}

/// The end of a chain that has come to it.
inline std::string end_of(deferred<int>& d) {
  std::string end;
  note_end(d, end);
  return end;
}

}  // namespace wring::tests
