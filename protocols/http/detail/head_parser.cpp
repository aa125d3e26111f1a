// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/detail/terminated_text.hpp>

namespace wring::http::detail {

namespace {

// RFC 9110, section 9.1: the longest that is registered has 17.
constexpr std::ptrdiff_t most_method = 64;

// So much is copied before it is parsed: what follows the head is not to be copied with it.
constexpr std::size_t copied_at_once = 1024;

/// Of a host within text that is terminated.
[[nodiscard]] bool host_is_valid(std::string_view host) noexcept {
  const auto plain = static_cast<std::size_t>(terminated::end_of_plain_name(host.data()) - host.data());
  if (plain == host.size()) return true;
  if (plain != 0 && host[plain] == ':') return is_port(host.substr(plain + 1));
  return is_authority(host);
}

[[nodiscard]] bool is_end_of_line(const char* at) noexcept {
  std::uint16_t both = 0;
  std::memcpy(&both, at, sizeof both);
  constexpr std::array<char, 2> crlf{'\r', '\n'};
  return both == std::bit_cast<std::uint16_t>(crlf);
}

}  // namespace

head_parser::head_parser(kind k, const head_limits& limits) noexcept
    : limits_(limits), kind_(k), in_fields_(k == kind::trailers || k == kind::part) {
  limits_.size = std::min<std::size_t>(limits_.size, UINT32_MAX / 2);
}

head_parser::step head_parser::feed(std::span<const std::byte> bytes, head_store& store) noexcept {
  std::size_t consumed = 0;
  for (;;) {
    // One byte more than allowed shows that there are too many.
    const std::size_t allowed = limits_.size + 1 - std::min(store.size(), limits_.size + 1);
    const std::size_t room = store.room().size();
    const std::size_t count = std::min({bytes.size() - consumed, copied_at_once, allowed, room});
    const std::size_t before = store.size();
    store.append(bytes.subspan(consumed, count));
    const status state = parse(store);
    if (state == status::done) {
      consumed += at_ - before;
      store.truncate(at_);
      return {consumed, state};
    }
    if (state == status::no_room) {
      // What follows the last field that has a place may be no part of the head: it is copied again.
      const std::size_t kept = std::max(at_, before);
      store.truncate(kept);
      return {consumed + kept - before, state};
    }
    consumed += count;
    if (state != status::incomplete) return {consumed, state};
    if (store.size() > limits_.size) {
      static_cast<void>(begun_ && !in_fields_ && kind_ == kind::request ? refuse(414, "the target is too long")
                                                                        : refuse(431, "the head is too long"));
      return {consumed, status::refused};
    }
    if (consumed == bytes.size()) return {consumed, state};
    if (count == room) return {consumed, status::no_room};
  }
}

head_parser::status head_parser::parse(head_store& store) noexcept {
  // A line that was incomplete is parsed anew when its end has come, not at each byte.
  if (searched_ > at_) {
    const std::size_t added = store.size() - searched_;
    if (added == 0 || std::memchr(store.text() + searched_, '\n', added) == nullptr) {
      searched_ = store.size();
      if (in_fields_ || kind_ != kind::request || store.size() - at_ <= limits_.target) return status::incomplete;
    }
  }
  line outcome = line::complete;
  while (outcome == line::complete && !in_fields_) outcome = parse_start(store);
  if (outcome == line::complete) outcome = parse_fields(store);
  switch (outcome) {
    case line::incomplete:
      searched_ = store.size();
      return status::incomplete;
    case line::complete:
    case line::last:
      if (at_ > limits_.size) static_cast<void>(refuse(431, "the head is too long"));
      return at_ > limits_.size || finish(store.text()) == line::refused ? status::refused : status::done;
    case line::no_room:
      return status::no_room;
    case line::refused:
      break;
  }
  return status::refused;
}

head_parser::line head_parser::parse_start(head_store& store) noexcept {
  const char* const text = store.text();
  const char* at = text + at_;
  const char* const end = text + store.size();
  if (at == end) return line::incomplete;
  if (*at == '\r' && kind_ == kind::request && !skipped_line_) {  // RFC 9112, section 2.2
    if (end - at < 2) return line::incomplete;
    if (at[1] != '\n') return refuse(400, "a CR without LF");
    at_ += 2;
    skipped_line_ = true;
    return line::complete;
  }
  begun_ = true;
  return kind_ == kind::request ? parse_request_line(text, at, end) : parse_status_line(text, at, end);
}

head_parser::line head_parser::parse_request_line(const char* text, const char* at, const char* end) noexcept {
  const auto place = [text](const char* p) { return static_cast<std::uint32_t>(p - text); };
  const char* const method = at;
  while (at - method <= most_method && is_token_character(*at)) ++at;
  if (at - method > most_method) return refuse(501, "the method is too long");
  if (at == end) return line::incomplete;
  if (*at != ' ' || at == method) return refuse(400, "the method is no token");
  facts_.method = {place(method), static_cast<std::uint32_t>(at - method)};
  const char* const target = ++at;
  // What a target may consist of is looked at once it is complete.
  const char* const stop = terminated::end_of_visible(at);
  if (static_cast<std::size_t>(stop - target) > limits_.target) return refuse(414, "the target is too long");
  if (*stop != ' ') {
    if (stop == end) return line::incomplete;
    return refuse(400, "the request line has no version");
  }
  if (stop == target) return refuse(400, "the target is empty");
  facts_.target = {place(target), static_cast<std::uint32_t>(stop - target)};
  return parse_version(text, stop + 1, end);
}

head_parser::line head_parser::parse_version(const char* text, const char* at, const char* end) noexcept {
  constexpr std::string_view shape = "HTTP/1.1\r\n";
  const std::string_view have(at, std::min<std::size_t>(shape.size(), static_cast<std::size_t>(end - at)));
  for (std::size_t i = have == shape ? have.size() : 0; i < have.size(); ++i) {
    const bool fits = i == 5 || i == 7 ? is_digit(have[i]) : have[i] == shape[i];
    if (!fits) return refuse(400, "the request line does not end as HTTP/1.1 and CRLF");
  }
  if (have.size() < shape.size()) return line::incomplete;
  if (have[5] != '1') return refuse(505, "the version is not HTTP/1");
  facts_.minor = have[7] == '0' ? 0 : 1;
  at_ = static_cast<std::size_t>(at + shape.size() - text);
  in_fields_ = true;
  return line::complete;
}

head_parser::line head_parser::parse_status_line(const char* text, const char* at, const char* end) noexcept {
  constexpr std::string_view shape = "HTTP/1.1 200";
  const std::string_view have(at, std::min<std::size_t>(shape.size(), static_cast<std::size_t>(end - at)));
  for (std::size_t i = 0; i < have.size(); ++i) {
    const bool digit = i == 5 || i == 7 || i > 8;
    if (digit ? !is_digit(have[i]) : have[i] != shape[i]) return refuse(400, "no status line of HTTP/1.1");
  }
  if (have.size() < shape.size()) return line::incomplete;
  if (have[5] != '1') return refuse(505, "the version is not HTTP/1");
  facts_.minor = have[7] == '0' ? 0 : 1;
  facts_.status = (have[9] - '0') * 100 + (have[10] - '0') * 10 + (have[11] - '0');
  if (facts_.status < 100) return refuse(400, "a status below 100");
  at += shape.size();
  const char* const stop = terminated::end_of_value(at);
  if (stop == end || (*stop == '\r' && end - stop < 2)) return line::incomplete;
  if (stop[0] != '\r' || stop[1] != '\n') return refuse(400, "a control in the reason, or a line without CRLF");
  if (stop != at && *at != ' ') return refuse(400, "a status of more than three digits");
  if (stop != at) {
    facts_.reason = {static_cast<std::uint32_t>(at + 1 - text), static_cast<std::uint32_t>(stop - at - 1)};
  }
  at_ = static_cast<std::size_t>(stop + 2 - text);
  in_fields_ = true;
  return line::complete;
}

head_parser::line head_parser::parse_no_field(const char* at, const char* stop, const char* end) noexcept {
  if (*at == '\r') {
    if (end - at < 2) return line::incomplete;
    if (at[1] != '\n') return refuse(400, "a CR without LF");
    at_ += 2;
    return line::last;
  }
  if (*stop == ':') return refuse(400, "a field without a name");
  if (stop == end) return line::incomplete;
  if (stop != at) return refuse(400, is_blank(*stop) ? "a blank before a colon" : "a field's name is no token");
  return refuse(400, is_blank(*stop) ? "a folded line" : "a line that is no field");
}

head_parser::line head_parser::parse_fields(head_store& store) noexcept {
  // Of the names that say something of the message's form.
  constexpr std::uint64_t noted_sizes = 1U << 4U | 1U << 6U | 1U << 10U | 1U << 14U | 1U << 17U;
  // In variables of its own: as the compiler sees it, what a name is overwritten with may change all that is in memory.
  char* const text = store.text();
  const char* const end = text + store.size();
  std::size_t left = store.places(limits_.fields);
  for (char* name = text + at_;;) {
    char* const colon = terminated::lower_token(name);
    if (*colon != ':' || colon == name) [[unlikely]]
      return parse_no_field(name, colon, end);
    const auto name_size = static_cast<std::size_t>(colon - name);
    if (name_size > UINT16_MAX) [[unlikely]]
      return refuse(431, "a field's name is too long");
    const char* value = colon + 1;
    const char* const stop = terminated::end_of_value(value);
    if (!is_end_of_line(stop)) [[unlikely]] {
      if (stop == end || (*stop == '\r' && end - stop < 2)) return line::incomplete;
      return refuse(400, "a control in a field, or a line without CRLF");
    }
    const char* last = stop;
    while (value != last && is_blank(*value)) ++value;
    while (last != value && is_blank(last[-1])) --last;
    if (left == 0) [[unlikely]]
      return store.count() >= limits_.fields ? refuse(431, "too many fields") : line::no_room;
    --left;
    const field_entry e{
        .name_at = static_cast<std::uint32_t>(name - text),
        .value_at = static_cast<std::uint32_t>(value - text),
        .value_size = static_cast<std::uint32_t>(last - value),
        .name_size = static_cast<std::uint16_t>(name_size),
    };
    store.add(e);
    const std::string_view name_text(name, name_size);
    name += stop + 2 - name;
    at_ = static_cast<std::size_t>(name - text);
    if (name_size >= 64 || (noted_sizes >> name_size & 1U) == 0) continue;
    if (note_field(name_text, {value, e.value_size}, e.value_at) == line::refused) return line::refused;
  }
}

head_parser::line head_parser::note_field(std::string_view name, std::string_view value,
                                          std::uint32_t value_at) noexcept {
  if (kind_ == kind::part) return line::complete;
  const bool trailer = kind_ == kind::trailers;
  switch (name.size()) {
    case 4:
      if (name != "host") break;
      if (trailer) return refuse(400, "Host in a trailer section");
      if (facts_.has_host) return refuse(400, "Host is repeated");
      facts_.has_host = true;
      facts_.host = {value_at, static_cast<std::uint32_t>(value.size())};
      break;
    case 6:
      if (name != "expect" || kind_ != kind::request || facts_.minor == 0) break;
      if (facts_.expects_continue || !equals_ignoring_case(value, "100-continue")) {
        return refuse(417, "Expect is not 100-continue");
      }
      facts_.expects_continue = true;
      break;
    case 10:
      if (name == "connection") note_connection(value);
      break;
    case 14:
      if (name != "content-length") break;
      return trailer ? refuse(400, "Content-Length in a trailer section") : note_length(value);
    case 17:
      if (name != "transfer-encoding") break;
      return trailer ? refuse(400, "Transfer-Encoding in a trailer section") : note_coding(value);
    default:
      break;
  }
  return line::complete;
}

head_parser::line head_parser::note_length(std::string_view value) noexcept {
  if (facts_.has_length) return refuse(400, "Content-Length is repeated");
  if (value.empty() || value.size() > 19) return refuse(400, "Content-Length is not 1 to 19 digits");
  std::uint64_t length = 0;
  for (const char c : value) {
    if (!is_digit(c)) return refuse(400, "Content-Length is not 1 to 19 digits");
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (length > INT64_MAX) return refuse(400, "Content-Length is 2^63 or more");
  facts_.length = length;
  facts_.has_length = true;
  return line::complete;
}

head_parser::line head_parser::note_coding(std::string_view value) noexcept {
  if (facts_.chunked) return refuse(400, "Transfer-Encoding is repeated");
  if (!equals_ignoring_case(value, "chunked")) {
    constexpr std::string_view chunked = "chunked";
    for (std::size_t i = 0; i + chunked.size() < value.size(); ++i) {
      if (equals_ignoring_case(value.substr(i, chunked.size()), chunked)) {
        return refuse(400, "Transfer-Encoding has chunked, but not at its end");
      }
    }
    return refuse(501, "Transfer-Encoding is not chunked");
  }
  facts_.chunked = true;
  return line::complete;
}

void head_parser::note_connection(std::string_view value) noexcept {
  if (value == "keep-alive") {  // as browsers say it
    facts_.keep_alive = true;
    return;
  }
  for_each_element(value, [this](std::string_view element) {
    if (equals_ignoring_case(element, "close")) facts_.close = true;
    if (equals_ignoring_case(element, "keep-alive")) facts_.keep_alive = true;
    if (equals_ignoring_case(element, "upgrade")) facts_.upgrade = true;
  });
}

head_parser::line head_parser::finish(const char* text) noexcept {
  if (kind_ == kind::trailers || kind_ == kind::part) return line::complete;
  if (facts_.chunked && facts_.has_length) return refuse(400, "both Transfer-Encoding and Content-Length");
  if (facts_.chunked && facts_.minor == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
  if (kind_ == kind::response) return line::complete;
  if (!facts_.has_host && facts_.minor != 0) return refuse(400, "Host is missing");
  if (facts_.has_host && facts_.host.size != 0 && !host_is_valid({text + facts_.host.at, facts_.host.size})) {
    return refuse(400, "Host is no name and port");
  }
  return line::complete;
}

}  // namespace wring::http::detail
