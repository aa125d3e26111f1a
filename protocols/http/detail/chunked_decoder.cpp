// SPDX-License-Identifier: MIT
#include <algorithm>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/chunked_decoder.hpp>

namespace wring::http::detail {

chunked_decoder::step chunked_decoder::feed(std::span<const std::byte> bytes) noexcept {
  for (std::size_t at = 0; at != bytes.size(); ++at) {
    if (state_ == state::data) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
      left_ -= count;
      if (left_ == 0) state_ = state::data_cr;
      return {at + count, count, status::data};
    }
    if (!take(static_cast<char>(bytes[at]))) return {at, 0, status::refused};
    if (last_ && state_ == state::data) return {at + 1, 0, status::trailers};
  }
  return {bytes.size(), 0, status::more};
}

bool chunked_decoder::take(char c) noexcept {
  switch (state_) {
    case state::size:
      if (const int digit = hex_value(c); digit >= 0) {
        if (++digits_ > 16) return refuse(400, "a chunk's size has more than 16 digits");
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        ++line_;
        return true;
      }
      if (digits_ == 0) return refuse(400, "a chunk's size is no number");
      if (left_ > INT64_MAX) return refuse(400, "a chunk's size is 2^63 or more");
      if (c == ';') {
        state_ = state::extension;
      } else if (c == '\r') {
        state_ = state::size_lf;
        return true;
      } else {
        return refuse(400, "a chunk's size is no number");
      }
      [[fallthrough]];
    case state::extension:
      if (c == '\r') {
        state_ = state::size_lf;
        return true;
      }
      if (!is_value_character(c)) return refuse(400, "a control in a chunk's extension");
      if (++line_ > most_line) return refuse(400, "a chunk's first line is too long");
      if (++extensions_ > most_extensions) return refuse(400, "the chunks' extensions are too long");
      return true;
    case state::size_lf:
      if (c != '\n') return refuse(400, "a chunk's first line does not end with CRLF");
      last_ = left_ == 0;
      state_ = state::data;
      return true;
    case state::data_cr:
      if (c != '\r') return refuse(400, "a chunk is not followed by CRLF");
      state_ = state::data_lf;
      return true;
    case state::data_lf:
      if (c != '\n') return refuse(400, "a chunk is not followed by CRLF");
      state_ = state::size;
      line_ = 0;
      digits_ = 0;
      return true;
    case state::data:
      break;
  }
  return true;
}

}  // namespace wring::http::detail
