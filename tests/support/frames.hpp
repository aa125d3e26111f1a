// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <wring/protocols/framing/frame_format.hpp>

namespace wring::tests {

/// What a format finds in `text`, of which it is shown more and more: `next_cut(shown)` is how many bytes it is shown
/// next. The payloads in brackets, and how it ends: "..." where more is expected, or the error.
template <class Cut>
std::string frames_in(framing::frame_format& format, std::string_view text, Cut next_cut) {
  std::string said;
  std::size_t taken = 0;
  std::size_t shown = 0;
  for (;;) {
    const auto found = format.find(std::as_bytes(std::span(text.substr(taken, shown - taken))));
    if (!found) return said + found.error().message();
    if (const auto& frame = *found; frame) {
      said += '[';
      said += text.substr(taken + frame->head, frame->size);
      said += ']';
      taken += frame->whole();
      format.restart();
    } else if (shown == text.size()) {
      return taken == shown ? said : said + "...";
    } else {
      shown = std::clamp<std::size_t>(next_cut(shown), shown + 1, text.size());
    }
  }
}

}  // namespace wring::tests
