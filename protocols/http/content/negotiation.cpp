// SPDX-License-Identifier: MIT
#include <wring/protocols/http/content/negotiation.hpp>
#include <wring/protocols/http/detail/characters.hpp>

namespace wring::http {

namespace {

using detail::equals_ignoring_case;
using detail::trimmed;

constexpr unsigned most_weight = 1000;

/// An element of such a field: a range and how much it is liked.
struct preference {
  std::string_view range;
  std::string_view parameters;  ///< between the range and the weight
  unsigned weight = most_weight;
};

/// Where the next semicolon is that is not quoted.
std::size_t semicolon_in(std::string_view text) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\') ++i;
    if (!quoted && i < text.size() && text[i] == ';') return i;
  }
  return text.size();
}

std::optional<preference> parse_preference(std::string_view element) noexcept {
  preference p;
  std::size_t end = semicolon_in(element);
  p.range = trimmed(element.substr(0, end));
  const std::size_t parameters = end;
  std::size_t parameters_end = element.size();
  while (end < element.size()) {
    const std::size_t at = end + 1;
    end = at + semicolon_in(element.substr(at));
    const std::string_view parameter = trimmed(element.substr(at, end - at));
    if (parameter.size() < 2 || detail::lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    const auto weight = detail::parse_weight(parameter.substr(2));
    if (!weight) return std::nullopt;
    p.weight = *weight;
    parameters_end = at - 1;
    break;  // what follows a weight is no parameter of the range
  }
  p.parameters = element.substr(parameters, parameters_end - parameters);
  if (p.range.empty()) return std::nullopt;
  return p;
}

/// Calls `visit(preference)` for each element of the fields of that name. False if there are no such fields.
template <class Visit>
bool for_each_preference(const fields& headers, std::string_view name, Visit visit) {
  bool any = false;
  for (const std::string_view value : headers.all(name)) {
    any = true;
    std::string_view rest = value;
    while (!rest.empty()) {
      // A comma may be quoted.
      std::size_t end = 0;
      for (bool quoted = false; end < rest.size() && (quoted || rest[end] != ','); ++end) {
        if (rest[end] == '"') quoted = !quoted;
        if (quoted && rest[end] == '\\') ++end;
      }
      const std::string_view element = trimmed(rest.substr(0, end));
      if (const auto p = parse_preference(element)) visit(*p);
      rest.remove_prefix(end < rest.size() ? end + 1 : rest.size());
    }
  }
  return any;
}

/// How well a range fits: 0 not at all, more if it is more specific.
using fitting = unsigned (*)(const preference& p, std::string_view offer) noexcept;

/// The weight of an offer; none if nothing is said about it.
std::optional<unsigned> weight_of(const fields& headers, std::string_view name, std::string_view offer,
                                  fitting fit) noexcept {
  std::optional<unsigned> weight;
  unsigned best = 0;
  for_each_preference(headers, name, [&](const preference& p) {
    const unsigned f = fit(p, offer);
    if (f <= best) return;
    best = f;
    weight = p.weight;
  });
  return weight;
}

std::optional<std::size_t> choose(const fields& headers, std::string_view name,
                                  std::span<const std::string_view> offers, fitting fit) noexcept {
  if (offers.empty()) return std::nullopt;
  if (headers.all(name).empty()) return 0;
  std::optional<std::size_t> chosen;
  unsigned best = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    const unsigned weight = weight_of(headers, name, offers[i], fit).value_or(0);
    if (weight <= best) continue;
    best = weight;
    chosen = i;
  }
  return chosen;
}

std::size_t count_parameters(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t at = semicolon_in(text); at < text.size();) {
    ++count;
    ++at;
    at += semicolon_in(text.substr(at));
  }
  return count;
}

/// Whether each of `wanted` is among `given`; both begin with a semicolon, or are empty.
bool has_parameters(std::string_view given, std::string_view wanted) noexcept {
  while (!wanted.empty()) {
    wanted.remove_prefix(1);
    const std::size_t end = semicolon_in(wanted);
    const std::string_view one = trimmed(wanted.substr(0, end));
    wanted.remove_prefix(end);
    bool found = one.empty();
    for (std::string_view rest = given; !found && !rest.empty();) {
      rest.remove_prefix(1);
      const std::size_t other_end = semicolon_in(rest);
      found = equals_ignoring_case(trimmed(rest.substr(0, other_end)), one);
      rest.remove_prefix(other_end);
    }
    if (!found) return false;
  }
  return true;
}

unsigned fit_type(const preference& p, std::string_view offer) noexcept {
  if (p.range == "*/*") return 1;
  const std::size_t end = semicolon_in(offer);
  const std::string_view type = trimmed(offer.substr(0, end));
  if (p.range.ends_with("/*")) {
    const std::string_view kind = p.range.substr(0, p.range.size() - 1);
    return type.size() > kind.size() && equals_ignoring_case(type.substr(0, kind.size()), kind) ? 2 : 0;
  }
  if (!equals_ignoring_case(type, p.range) || !has_parameters(offer.substr(end), p.parameters)) return 0;
  return 3 + static_cast<unsigned>(count_parameters(p.parameters));
}

unsigned fit_language(const preference& p, std::string_view offer) noexcept {
  if (p.range == "*") return 1;
  if (offer.size() < p.range.size() || !equals_ignoring_case(offer.substr(0, p.range.size()), p.range)) return 0;
  if (offer.size() > p.range.size() && offer[p.range.size()] != '-') return 0;
  return 1 + static_cast<unsigned>(p.range.size());
}

unsigned fit_coding(const preference& p, std::string_view offer) noexcept {
  if (p.range == "*") return 1;
  if (equals_ignoring_case(p.range, offer)) return 2;
  return equals_ignoring_case(p.range, "x-gzip") && offer == "gzip" ? 2 : 0;
}

}  // namespace

std::optional<unsigned> detail::parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  unsigned weight = text[0] == '1' ? most_weight : 0;
  unsigned unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!is_digit(text[i])) return std::nullopt;
    weight += unit * static_cast<unsigned>(text[i] - '0');
  }
  if (weight > most_weight) return std::nullopt;
  return weight;
}

std::optional<std::size_t> choose_type(const fields& headers, std::span<const std::string_view> offers) noexcept {
  return choose(headers, "accept", offers, fit_type);
}

std::optional<std::size_t> choose_language(const fields& headers, std::span<const std::string_view> offers) noexcept {
  return choose(headers, "accept-language", offers, fit_language);
}

std::optional<std::size_t> choose_coding(const fields& headers, std::span<const std::string_view> offers) noexcept {
  constexpr std::string_view name = "accept-encoding";
  // A client that says nothing may not know about codings at all (section 12.5.3).
  if (headers.all(name).empty()) return offers.size();
  std::optional<std::size_t> chosen;
  unsigned best = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    const unsigned weight = weight_of(headers, name, offers[i], fit_coding).value_or(0);
    if (weight <= best) continue;
    best = weight;
    chosen = i;
  }
  // Without a word about it, it is the last resort; refused by "*", it is not even that.
  const std::optional<unsigned> identity = weight_of(headers, name, "identity", [](const preference& p, auto) noexcept {
    return equals_ignoring_case(p.range, "identity") ? 2U : 0U;
  });
  if (identity) return *identity > best ? offers.size() : chosen;
  if (chosen) return chosen;
  const std::optional<unsigned> others = weight_of(headers, name, "identity", fit_coding);
  if (others && *others == 0) return std::nullopt;
  return offers.size();
}

}  // namespace wring::http
