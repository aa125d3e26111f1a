// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/protocols/http/event_stream.hpp>

namespace wring::http {

namespace {

void append_field(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value) += '\n';
}

/// A line of that name for each line of the text.
void append_lines(std::string& to, std::string_view name, std::string_view text) {
  for (;;) {
    const std::size_t end = text.find_first_of("\r\n");
    append_field(to, name, text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
}

}  // namespace

event_stream::event_stream(response& rs) : response_(&rs) {
  rs.header("Content-Type", "text/event-stream").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no");
}

task<> event_stream::send(std::string_view type, std::string_view data, std::string_view id) {
  constexpr std::string_view line_ends = "\r\n";
  if (type.find_first_of(line_ends) != std::string_view::npos ||
      id.find_first_of(line_ends) != std::string_view::npos || id.find('\0') != std::string_view::npos) {
    throw std::invalid_argument("an event's type or id has line ends or zero bytes");
  }
  text_.clear();
  if (!type.empty()) append_field(text_, "event", type);
  if (!id.empty()) append_field(text_, "id", id);
  append_lines(text_, "data", data);
  text_ += '\n';
  return write();
}

task<> event_stream::comment(std::string_view text) {
  text_.clear();
  append_lines(text_, "", text);
  text_ += '\n';
  return write();
}

task<> event_stream::write() { return response_->write_all(text_); }

}  // namespace wring::http
