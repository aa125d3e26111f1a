// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/protocols/framing/line_format.hpp>

namespace wring::framing {

frame_format::~frame_format() = default;

line_format::line_format(line_options options) : delimiter_(options.delimiter), limit_(options.limit) {
  if (delimiter_.empty()) throw std::invalid_argument("line_options::delimiter is empty: lines would have no end");
  if (limit_ == 0) throw std::invalid_argument("line_options::limit is 0: no line could be received");
}

result<std::optional<frame_extent>> line_format::find(std::span<const std::byte> unread) noexcept {
  std::string_view text(reinterpret_cast<const char*>(unread.data()), unread.size());
  // The delimiter of a line that is short enough is in these: what comes after them changes nothing.
  const std::size_t enough = limit_ > text.size() ? text.size() : limit_ + delimiter_.size();
  text = text.substr(0, enough);
  if (const std::size_t found = text.find(delimiter_, seen_); found != text.npos) {
    return std::optional(frame_extent{.head = 0, .size = found, .tail = delimiter_.size()});
  }
  if (text.size() >= delimiter_.size()) seen_ = text.size() - (delimiter_.size() - 1);
  if (seen_ > limit_) {
    return error(errc::limit_exceeded, "read a line from")
        .with_count(limit_)
        .with_detail("line_options::limit says how long a line may be");
  }
  return std::optional<frame_extent>();
}

frame_edges line_format::edges(std::string_view payload) const {
  if (payload.find(delimiter_) != payload.npos) {
    throw std::invalid_argument("a line holds its delimiter: it would arrive as several");
  }
  return {.tail = delimiter_};
}

}  // namespace wring::framing
