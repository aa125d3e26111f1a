// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <wring/protocols/http/content/detail/multipart_parser.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http::detail {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A parameter of a field's value, `name=token` or `name="text"`. In the quoted text a backslash stands for itself
/// unless a quotation mark or another one follows it: browsers do not escape it.
struct field_parameter {
  std::string_view name;
  std::string value;
};

/// Takes the next one, with the semicolon before it. None: at the end, or where it is malformed, which is left.
std::optional<field_parameter> take_parameter(std::string_view& text) {
  std::string_view rest = trimmed(text);
  if (!rest.starts_with(';')) return std::nullopt;
  rest = trimmed(rest.substr(1));
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !is_token(rest.substr(0, equals))) return std::nullopt;
  field_parameter p{.name = rest.substr(0, equals), .value = {}};
  rest.remove_prefix(equals + 1);
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find_first_of("; \t"), rest.size());
    p.value = rest.substr(0, end);
    if (!is_token(p.value)) return std::nullopt;
    text = rest.substr(end);
    return p;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size() && (rest[at + 1] == '"' || rest[at + 1] == '\\')) ++at;
    p.value += rest[at];
  }
  if (at >= rest.size()) return std::nullopt;
  text = rest.substr(at + 1);
  return p;
}

bool is_boundary(std::string_view text) noexcept {
  static constexpr std::string_view marks = "'()+_,-./:=? ";
  if (text.empty() || text.size() > multipart_parser::longest_boundary || text.back() == ' ') return false;
  return std::ranges::all_of(text, [](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || is_digit(c) || marks.find(c) != std::string_view::npos;
  });
}

/// Undoes what forms escape in names: line ends and quotation marks.
std::string unescaped(std::string text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view three = std::string_view(text).substr(i, 3);
    const char c = three == "%22"                     ? '"'
                   : three == "%0D" || three == "%0d" ? '\r'
                   : three == "%0A" || three == "%0a" ? '\n'
                                                      : '\0';
    out += c != '\0' ? c : text[i];
    if (c != '\0') i += 2;
  }
  return out;
}

}  // namespace

multipart_parser::multipart_parser(std::string_view boundary, std::size_t head)
    : delimiter_("\r\n--" + std::string(boundary)), head_limit_(head) {
  const std::size_t size = head + (most_fields + 1) * sizeof(field_entry) + 2 * terminated::zeros;
  memory_.resize(size / sizeof(std::max_align_t) + 2);
}

multipart_parser::step multipart_parser::refuse(int code, const char* reason) noexcept {
  refusal_ = {code, reason};
  return {.consumed = 0, .state = status::refused};
}

std::size_t multipart_parser::match(std::string_view text) noexcept {
  std::size_t count = 0;
  while (count < text.size() && matched_ < delimiter_.size() && text[count] == delimiter_[matched_]) {
    ++count;
    ++matched_;
  }
  return count;
}

multipart_parser::step multipart_parser::feed(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  std::size_t at = 0;
  while (at < text.size()) {
    switch (place_) {
      case place::first:
        // The line end before the first boundary may be there or not.
        if (matched_ == 0 && text[at] != '\r') matched_ = 2;
        at += match(text.substr(at));
        if (matched_ == delimiter_.size()) {
          place_ = place::behind_boundary;
        } else if (at != text.size()) {
          return refuse(400, "a multipart body does not begin with its boundary");
        }
        break;
      case place::behind_boundary:
        matched_ = 0;
        if (text[at] != '-' && text[at] != '\r') return refuse(400, "a boundary is followed by something");
        place_ = text[at++] == '-' ? place::behind_dash : place::behind_return;
        break;
      case place::behind_dash:
        if (text[at++] != '-') return refuse(400, "a boundary is followed by something");
        return {.consumed = at, .state = status::end};
      case place::behind_return:
        if (text[at++] != '\n') return refuse(400, "a boundary's line does not end with CRLF");
        parser_.emplace(head_parser::kind::part, head_limits{.size = head_limit_, .fields = most_fields});
        store_ = head_store(std::as_writable_bytes(std::span(memory_)));
        place_ = place::head;
        break;
      case place::head: {
        step s = feed_head(bytes.subspan(at));
        s.consumed += at;
        return s;
      }
      case place::data: {
        step s = feed_data(bytes.subspan(at));
        s.consumed += at;
        return s;
      }
    }
  }
  return {.consumed = at, .state = status::more};
}

multipart_parser::step multipart_parser::feed_head(std::span<const std::byte> bytes) {
  const head_parser::step s = parser_->feed(bytes, store_);
  switch (s.state) {
    case head_parser::status::incomplete:
      return {.consumed = s.consumed, .state = status::more};
    case head_parser::status::done:
      place_ = place::data;
      return {.consumed = s.consumed, .state = status::head};
    case head_parser::status::no_room:
      return refuse(413, "the head of a part is too long");
    case head_parser::status::refused:
      break;
  }
  if (parser_->why().status == 431) return refuse(413, "the head of a part is too long");
  return refuse(400, parser_->why().reason);
}

multipart_parser::step multipart_parser::feed_data(std::span<const std::byte> bytes) noexcept {
  const std::string_view text = text_of(bytes);
  if (matched_ != 0) {
    const std::size_t before = matched_;
    const std::size_t count = match(text);
    if (matched_ == delimiter_.size()) {
      place_ = place::behind_boundary;
      return {.consumed = count, .state = status::part_end};
    }
    if (count == text.size()) return {.consumed = count, .state = status::more};
    // It was data. What of it was consumed before is gone, but is the same as the delimiter's beginning.
    matched_ = 0;
    return {.consumed = 0, .state = status::data, .data = std::as_bytes(std::span(delimiter_)).first(before)};
  }
  std::size_t at = 0;
  for (;;) {
    at = std::min(text.find('\r', at), text.size());
    if (at == text.size()) return {.consumed = at, .state = status::data, .data = bytes};
    const std::size_t count = match(text.substr(at));
    const bool whole = matched_ == delimiter_.size();
    if (whole || at + count == text.size()) {
      if (at != 0) {
        matched_ = 0;
        return {.consumed = at, .state = status::data, .data = bytes.first(at)};
      }
      if (whole) place_ = place::behind_boundary;
      return {.consumed = count, .state = whole ? status::part_end : status::more};
    }
    matched_ = 0;
    at += count;
  }
}

bool multipart_parser::take_epilogue(std::span<const std::byte> bytes) noexcept {
  for (const std::byte b : bytes) {
    if (epilogue_ == 2 || static_cast<char>(b) != "\r\n"[epilogue_]) return false;
    ++epilogue_;
  }
  return true;
}

std::optional<std::string> boundary_of(std::string_view content_type) {
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  if (!equals_ignoring_case(trimmed(content_type.substr(0, end)), "multipart/form-data")) return std::nullopt;
  std::string_view rest = content_type.substr(end);
  std::optional<std::string> found;
  while (std::optional<field_parameter> p = take_parameter(rest)) {
    if (!equals_ignoring_case(p->name, "boundary")) continue;
    if (found) return std::nullopt;
    found = std::move(p->value);
  }
  if (!trimmed(rest).empty() || !found || !is_boundary(*found)) return std::nullopt;
  return found;
}

std::optional<form_disposition> parse_disposition(std::string_view text) {
  const std::size_t end = std::min(text.find(';'), text.size());
  if (!equals_ignoring_case(trimmed(text.substr(0, end)), "form-data")) return std::nullopt;
  std::string_view rest = text.substr(end);
  std::optional<std::string> name;
  std::optional<std::string> filename;
  while (std::optional<field_parameter> p = take_parameter(rest)) {
    std::optional<std::string>* const into = equals_ignoring_case(p->name, "name")       ? &name
                                             : equals_ignoring_case(p->name, "filename") ? &filename
                                                                                         : nullptr;
    if (into == nullptr) continue;
    if (*into) return std::nullopt;
    *into = unescaped(std::move(p->value));
  }
  if (!trimmed(rest).empty() || !name) return std::nullopt;
  return form_disposition{.name = std::move(*name), .filename = std::move(filename)};
}

}  // namespace wring::http::detail
