// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wring/protocols/http/detail/chunked_decoder.hpp>
#include <wring/protocols/http/detail/head_parser.hpp>
#include <wring/protocols/http/detail/head_store.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/method.hpp>

namespace wring::tests {

/// A request and its body, as a parser has taken it apart.
struct parsed_message {
  using field_list = std::vector<std::pair<std::string, std::string>>;

  std::string verdict = "incomplete";  ///< or "done", or the status and the reason of a refusal
  std::size_t size = 0;                ///< bytes that were the message's, if it is done
  std::string method;
  std::string target;
  int minor = 0;
  bool persistent = false;
  bool chunked = false;
  field_list fields;
  std::string body;
  field_list trailers;

  [[nodiscard]] bool done() const { return verdict == "done"; }
  [[nodiscard]] bool refused() const { return !done() && verdict != "incomplete"; }
  bool operator==(const parsed_message&) const = default;
};

/// Takes a message from pieces, each in memory of its own, so that reading past its end is seen. The head is kept in
/// memory that begins small and grows.
class message_parser {
 public:
  explicit message_parser(const http::detail::head_limits& limits = {})
      : head_(http::detail::head_parser::kind::request, limits),
        trailer_(http::detail::head_parser::kind::trailers,
                 {.target = 0, .size = limits.size, .fields = limits.fields}) {}

  /// False: the message has ended, or is refused.
  bool feed(std::string_view piece) {
    const std::string exactly(piece);
    std::string_view left = exactly;
    for (;;) {
      const std::size_t before = left.size();
      if (!step(left)) return false;
      if (left.empty()) return true;
      if (left.size() == before && part_ == last_part_) std::abort();  // no progress
      last_part_ = part_;
    }
  }
  [[nodiscard]] parsed_message take() { return std::move(found_); }

 private:
  using status = http::detail::head_parser::status;
  enum class part { head, length, chunks, trailers, end };

  /// The table of fields and the text of a head.
  struct head_memory {
    std::vector<std::max_align_t> memory = std::vector<std::max_align_t>(2);
    http::detail::head_store store{std::as_writable_bytes(std::span(memory))};

    void grow() {
      std::vector<std::max_align_t> larger(memory.size() * 2);
      store.move_to(std::as_writable_bytes(std::span(larger)));
      memory.swap(larger);
    }
  };

  bool step(std::string_view& left) {
    switch (part_) {
      case part::head:
        return take_head(left);
      case part::length: {
        const std::size_t count = std::min<std::uint64_t>(length_, left.size());
        take_body(left, count, count);
        length_ -= count;
        return length_ != 0 || end();
      }
      case part::chunks:
        return take_chunks(left);
      case part::trailers:
        if (!take_fields(left, trailer_, trailer_memory_, found_.trailers)) return false;
        return fields_state_ != status::done || end();
      case part::end:
        break;
    }
    return false;
  }

  bool take_head(std::string_view& left) {
    if (!take_fields(left, head_, memory_, found_.fields)) return false;
    if (fields_state_ != status::done) return true;
    fields_state_ = status::incomplete;
    const auto& facts = head_.facts();
    const auto text = [this](http::detail::text_range r) { return std::string(memory_.store.text() + r.at, r.size); };
    found_.method = text(facts.method);
    found_.target = text(facts.target);
    found_.minor = facts.minor;
    found_.persistent = facts.persistent();
    found_.chunked = facts.chunked;
    http::detail::target_parts parts;
    const auto wrong = http::detail::parse_target(http::method_of(found_.method), found_.target, parts);
    if (wrong) return refuse(wrong);
    length_ = facts.length;
    part_ = facts.chunked ? part::chunks : part::length;
    return facts.chunked || length_ != 0 || end();
  }

  bool take_chunks(std::string_view& left) {
    const auto got = chunks_.feed(std::as_bytes(std::span(left)));
    take_body(left, got.consumed, got.data);
    if (got.state == http::detail::chunked_decoder::status::refused) return refuse(chunks_.why());
    if (got.state == http::detail::chunked_decoder::status::trailers) part_ = part::trailers;
    return true;
  }

  /// Drops `consumed` bytes, of which the last `data` are the body's.
  void take_body(std::string_view& left, std::size_t consumed, std::size_t data) {
    found_.body += left.substr(consumed - data, data);
    drop(left, consumed);
  }
  void drop(std::string_view& left, std::size_t count) {
    left.remove_prefix(count);
    found_.size += count;
  }

  bool take_fields(std::string_view& left, http::detail::head_parser& parser, head_memory& memory,
                   parsed_message::field_list& into) {
    for (;;) {
      const auto got = parser.feed(std::as_bytes(std::span(left)), memory.store);
      drop(left, got.consumed);
      fields_state_ = got.state;
      if (got.state == status::refused) return refuse(parser.why());
      if (got.state != status::no_room) break;
      memory.grow();
    }
    if (fields_state_ != status::done) return true;
    for (const http::field f : memory.store.all()) into.emplace_back(f.name, f.value);
    return true;
  }

  bool refuse(const http::detail::refusal& why) {
    found_.verdict = std::to_string(why.status) + " " + why.reason;
    return false;
  }
  bool end() {
    part_ = part::end;
    found_.verdict = "done";
    return false;
  }

  http::detail::head_parser head_;
  http::detail::head_parser trailer_;
  http::detail::chunked_decoder chunks_;
  head_memory memory_;
  head_memory trailer_memory_;
  status fields_state_ = status::incomplete;  // what the parser of fields has said last
  std::uint64_t length_ = 0;                  // what is left of a body of known length
  part part_ = part::head;
  part last_part_ = part::head;
  parsed_message found_;
};

/// The message at the beginning of `all`, from pieces of `next_size()` bytes.
template <class Next>
parsed_message parse_message(std::string_view all, const http::detail::head_limits& limits, Next next_size) {
  message_parser parser(limits);
  while (!all.empty()) {
    const std::string_view piece = all.substr(0, next_size());
    if (!parser.feed(piece)) break;
    all.remove_prefix(piece.size());
  }
  return parser.take();
}
inline parsed_message parse_message(std::string_view all, const http::detail::head_limits& limits = {}) {
  return parse_message(all, limits, [] { return std::string_view::npos; });
}

/// What says the same in the plainest way.
inline std::string written(const parsed_message& m) {
  std::string text = m.method + " " + m.target + " HTTP/1." + std::to_string(m.minor) + "\r\n";
  const auto append = [&text](const parsed_message::field_list& fields) {
    for (const auto& [name, value] : fields) text.append(name).append(": ").append(value).append("\r\n");
    text += "\r\n";
  };
  append(m.fields);
  if (!m.chunked) return text + m.body;
  if (!m.body.empty()) {
    constexpr char digits[] = "0123456789abcdef";
    std::string size;
    for (std::size_t left = m.body.size(); left != 0; left /= 16) size.insert(size.begin(), digits[left % 16]);
    text.append(size).append("\r\n").append(m.body).append("\r\n");
  }
  text += "0\r\n";
  append(m.trailers);
  return text;
}

}  // namespace wring::tests
