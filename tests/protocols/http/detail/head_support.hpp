// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>

namespace wring::tests {

using http::detail::head_limits;
using http::detail::head_parser;

/// A head that is parsed from pieces, in memory that begins small and grows.
class parsed_head {
 public:
  explicit parsed_head(std::string_view text, std::size_t first = std::string_view::npos,
                       std::size_t step = std::string_view::npos, head_parser::kind kind = head_parser::kind::request,
                       const head_limits& limits = {})
      : parser(kind, limits), memory_(2), store(std::as_writable_bytes(std::span(memory_))) {
    while (state == head_parser::status::incomplete && consumed != text.size()) {
      std::string_view piece = text.substr(consumed, first);
      first = step;
      for (;;) {
        const auto got = parser.feed(std::as_bytes(std::span(piece)), store);
        if (got.consumed > piece.size()) throw std::logic_error("more was consumed than there was");
        consumed += got.consumed;
        state = got.state;
        if (state != head_parser::status::no_room) break;
        piece.remove_prefix(got.consumed);
        std::vector<std::max_align_t> larger(memory_.size() * 2);
        store.move_to(std::as_writable_bytes(std::span(larger)));
        memory_.swap(larger);
      }
    }
  }

  /// "200" and what there is in the head, the status of a refusal, or "incomplete".
  [[nodiscard]] std::string verdict() const {
    if (state == head_parser::status::refused) return std::to_string(parser.why().status);
    if (state != head_parser::status::done) return "incomplete";
    const auto& f = parser.facts();
    std::string all = std::to_string(consumed) + " " + std::string(at(f.method)) + " " + std::string(at(f.target)) +
                      " 1." + std::to_string(f.minor);
    if (f.has_length) all += " length " + std::to_string(f.length);
    if (f.chunked) all += " chunked";
    if (f.persistent()) all += " persistent";
    if (f.expects_continue) all += " continue";
    if (f.upgrade) all += " upgrade";
    for (const http::field field : store.all()) {
      all += "\n" + std::string(field.name) + "=" + std::string(field.value);
    }
    return all;
  }
  [[nodiscard]] std::string_view at(http::detail::text_range r) const { return {store.text() + r.at, r.size}; }

  head_parser parser;
  std::size_t consumed = 0;
  head_parser::status state = head_parser::status::incomplete;

 private:
  std::vector<std::max_align_t> memory_;

 public:
  http::detail::head_store store;
};

}  // namespace wring::tests
