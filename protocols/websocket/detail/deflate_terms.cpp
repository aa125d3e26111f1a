// SPDX-License-Identifier: MIT
// What is agreed on about compression (RFC 7692, section 7.1).
#include <charconv>
#include <string>
#include <string_view>

#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/websocket/detail/deflate.hpp>

namespace wring::ws::detail {

namespace {

/// zlib cannot compress with fewer.
constexpr std::uint8_t least_bits = 9;
/// What a server asks for, of both: with more, it takes more memory than it saves bytes.
constexpr std::uint8_t server_bits = 12;

constexpr std::string_view name = "permessage-deflate";

/// Takes a field apart (RFC 6455, section 9.1): extensions, each a token with parameters.
class extension_reader {
 public:
  explicit extension_reader(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool at_end() noexcept {
    skip_blanks();
    return text_.empty();
  }
  /// Takes that character, if it is next.
  [[nodiscard]] bool take(char c) noexcept {
    skip_blanks();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// Empty if there is none.
  [[nodiscard]] std::string_view token() noexcept {
    skip_blanks();
    std::size_t size = 0;
    while (size != text_.size() && http::detail::is_token_character(text_[size])) ++size;
    const std::string_view found = text_.substr(0, size);
    text_.remove_prefix(size);
    return found;
  }
  /// A token, which may be quoted.
  [[nodiscard]] std::string_view value() noexcept {
    if (!take('"')) return token();
    const std::string_view found = token();
    return take('"') ? found : std::string_view();
  }

 private:
  void skip_blanks() noexcept {
    while (!text_.empty() && http::detail::is_blank(text_.front())) text_.remove_prefix(1);
  }

  std::string_view text_;
};

/// The parameters of one permessage-deflate.
struct parameters {
  std::optional<std::uint8_t> server_bits;
  std::optional<std::uint8_t> client_bits;
  bool has_client_bits = false;  // maybe without a value
  bool server_no_context = false;
  bool client_no_context = false;
  bool wrong = false;  // unknown, twice, or of a wrong value: it is not taken
};

std::optional<std::uint8_t> bits_of(std::string_view text) noexcept {
  std::uint8_t bits = 0;
  if (text.empty() || text.front() == '0') return std::nullopt;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (fault != std::errc() || end != text.data() + text.size() || bits < 8 || bits > 15) return std::nullopt;
  return bits;
}

void add_parameter(parameters& p, std::string_view key, std::optional<std::string_view> value) noexcept {
  using http::detail::equals_ignoring_case;
  const auto flag = [&](bool& f) {
    if (f || value) p.wrong = true;
    f = true;
  };
  if (equals_ignoring_case(key, "server_no_context_takeover")) return flag(p.server_no_context);
  if (equals_ignoring_case(key, "client_no_context_takeover")) return flag(p.client_no_context);
  if (equals_ignoring_case(key, "server_max_window_bits")) {
    if (p.server_bits || !value) p.wrong = true;
    if (value) p.server_bits = bits_of(*value);
    if (!p.server_bits) p.wrong = true;
    return;
  }
  if (equals_ignoring_case(key, "client_max_window_bits")) {
    if (p.has_client_bits) p.wrong = true;
    p.has_client_bits = true;
    if (value) p.client_bits = bits_of(*value);
    if (value && !p.client_bits) p.wrong = true;
    return;
  }
  p.wrong = true;
}

/// Calls `found(parameters)` for each permessage-deflate until that returns true; `other()` for other extensions.
/// False: a field is no list of extensions.
template <class Found, class Other>
bool read_extensions(const http::fields& headers, Found found, Other other) {
  for (const std::string_view field : headers.all("sec-websocket-extensions")) {
    extension_reader reader(field);
    while (!reader.at_end()) {
      if (reader.take(',')) continue;  // an empty element
      const std::string_view extension = reader.token();
      if (extension.empty()) return false;
      parameters p;
      while (reader.take(';')) {
        const std::string_view key = reader.token();
        if (key.empty()) return false;
        std::optional<std::string_view> value;
        if (reader.take('=')) {
          value = reader.value();
          if (value->empty()) return false;
        }
        add_parameter(p, key, value);
      }
      if (!reader.at_end() && !reader.take(',')) return false;
      if (!http::detail::equals_ignoring_case(extension, name)) {
        other();
      } else if (found(p)) {
        return true;
      }
    }
  }
  return true;
}

}  // namespace

std::optional<deflate_terms> choose_deflate(const http::fields& headers, compression how) {
  if (how == compression::off) return std::nullopt;
  std::optional<deflate_terms> chosen;
  const auto take = [&](const parameters& p) {
    if (p.wrong || p.server_bits.value_or(15) < least_bits) return false;
    deflate_terms t;
    t.server.window_bits = std::min(server_bits, p.server_bits.value_or(15));
    t.server.keeps_context = !p.server_no_context && how == compression::on;
    t.client.keeps_context = !p.client_no_context && how == compression::on;
    // Only one that has said that it can is told to use less.
    if (p.has_client_bits) t.client.window_bits = std::min(server_bits, p.client_bits.value_or(15));
    chosen = t;
    return true;
  };
  if (!read_extensions(headers, take, [] {})) return std::nullopt;
  return chosen;
}

std::string deflate_answer(const deflate_terms& terms) {
  std::string text(name);
  if (!terms.server.keeps_context) text += "; server_no_context_takeover";
  if (!terms.client.keeps_context) text += "; client_no_context_takeover";
  if (terms.server.window_bits != 15) text += "; server_max_window_bits=" + std::to_string(terms.server.window_bits);
  if (terms.client.window_bits != 15) text += "; client_max_window_bits=" + std::to_string(terms.client.window_bits);
  return text;
}

std::string_view deflate_offer(compression how) noexcept {
  switch (how) {
    case compression::off:
      return {};
    case compression::on:
      return "permessage-deflate; client_max_window_bits";
    case compression::shared:
      return "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits";
  }
  return {};
}

deflate_answered read_deflate_answer(const http::fields& headers, compression how) {
  deflate_answered answer;
  bool others = false;
  unsigned count = 0;
  const auto take = [&](const parameters& p) {
    ++count;
    if (p.wrong || (p.has_client_bits && !p.client_bits)) others = true;
    // Fewer cannot be kept to.
    if (p.client_bits.value_or(15) < least_bits) others = true;
    if (how == compression::shared && !p.server_no_context) others = true;
    deflate_terms t;
    t.server = {p.server_bits.value_or(15), !p.server_no_context};
    t.client = {p.client_bits.value_or(15), !p.client_no_context && how == compression::on};
    answer.terms = t;
    return false;
  };
  const bool read = read_extensions(headers, take, [&] { others = true; });
  answer.wrong = !read || others || count > 1 || (count != 0 && how == compression::off);
  return answer;
}

}  // namespace wring::ws::detail
