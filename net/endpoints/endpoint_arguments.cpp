// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <wring/net/endpoints/endpoint_arguments.hpp>

namespace wring::net {

endpoint_error::endpoint_error(std::string_view text, std::size_t position, std::string_view problem)
    : std::invalid_argument(fmt::format("endpoint \"{}\", at {}: {}", text, position, problem)), position_(position) {}
endpoint_error::~endpoint_error() = default;

std::string quote_endpoint_argument(std::string_view value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '\\' || c == ':' || c == '=') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

namespace {

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

endpoint_arguments::endpoint_arguments(std::string_view text) : text_(text) {
  argument part{.name = {}, .value = {}, .position = 0};
  bool named = false;
  bool is_kind = true;
  const auto end_part = [&](std::size_t next) {
    if (named && part.name.empty()) throw endpoint_error(text_, part.position, "there is no name before \"=\"");
    if (is_kind) {
      if (named || part.value.empty()) throw endpoint_error(text_, 0, "it must begin with the kind of endpoint");
      kind_ = in_lower_case(part.value);
    } else {
      add(std::move(part));
    }
    is_kind = named = false;
    part = {.name = {}, .value = {}, .position = next};
  };
  for (std::size_t i = 0; i != text_.size(); ++i) {
    const char c = text_[i];
    if (c == ':') {
      end_part(i + 1);
    } else if (c == '=' && !named) {
      named = true;
      part.name = std::move(part.value);
      part.value.clear();
    } else if (c == '\\') {
      if (++i == text_.size()) throw endpoint_error(text_, i - 1, "\"\\\" must be followed by what it escapes");
      part.value += text_[i];
    } else {
      part.value += c;
    }
  }
  end_part(text_.size());
  // "kind:" has no arguments.
  if (arguments_.size() == 1 && arguments_[0].name.empty() && arguments_[0].value.empty()) arguments_.clear();
}

void endpoint_arguments::add(argument made) {
  const auto same = [&](const argument& a) { return a.name == made.name; };
  if (!made.name.empty() && std::any_of(arguments_.begin(), arguments_.end(), same)) {
    throw endpoint_error(text_, made.position, made.name + " is given twice");
  }
  arguments_.push_back(std::move(made));
}

endpoint_arguments::argument* endpoint_arguments::find(std::string_view name) {
  argument* by_name = nullptr;
  argument* by_position = nullptr;
  for (argument& a : arguments_) {
    if (a.taken) continue;
    if (a.name == name) by_name = &a;
    if (a.name.empty() && by_position == nullptr) by_position = &a;
  }
  if (by_name != nullptr && by_position != nullptr) {
    throw endpoint_error(text_, by_name->position, fmt::format("{} is given twice, once by its position", name));
  }
  return by_name != nullptr ? by_name : by_position;
}

std::optional<std::string> endpoint_arguments::take(std::string_view name) {
  argument* const found = find(name);
  if (found == nullptr) return std::nullopt;
  found->taken = true;
  found->name = name;  // for refuse()
  return found->value;
}

std::string endpoint_arguments::require(std::string_view name) {
  std::optional<std::string> value = take(name);
  if (!value) throw endpoint_error(text_, text_.size(), fmt::format("{} is missing", name));
  if (value->empty()) refuse(name, "is empty");
  return std::move(*value);
}

std::uint16_t endpoint_arguments::require_port(std::string_view name) {
  const std::string value = require(name);
  const std::optional<std::uint16_t> port = read_number<std::uint16_t>(value);
  if (!port) refuse(name, "is not a port, a number from 0 to 65535");
  return *port;
}

std::size_t endpoint_arguments::take_number(std::string_view name, std::size_t otherwise, std::size_t least,
                                            std::size_t most) {
  const std::optional<std::string> value = take(name);
  if (!value) return otherwise;
  const std::optional<std::size_t> number = read_number<std::size_t>(*value);
  if (!number || *number < least || *number > most) {
    refuse(name, fmt::format("is not a number from {} to {}", least, most));
  }
  return *number;
}

bool endpoint_arguments::take_flag(std::string_view name, bool otherwise) {
  const std::optional<std::string> value = take(name);
  if (!value) return otherwise;
  const std::string lower = in_lower_case(*value);
  if (lower == "1" || lower == "yes" || lower == "true") return true;
  if (lower == "0" || lower == "no" || lower == "false") return false;
  refuse(name, "is neither 1 nor 0");
}

duration endpoint_arguments::take_seconds(std::string_view name, duration otherwise) {
  const std::optional<std::string> value = take(name);
  if (!value) return otherwise;
  const std::optional<double> seconds = read_number<double>(*value);
  if (!seconds || !std::isfinite(*seconds) || *seconds <= 0) refuse(name, "is not a time in seconds, more than 0");
  return std::chrono::duration<double>(*seconds);
}

std::string endpoint_arguments::require_inner() {
  const auto first =
      std::find_if(arguments_.begin(), arguments_.end(), [](const argument& a) { return a.name.empty(); });
  if (first == arguments_.end()) throw endpoint_error(text_, text_.size(), "the endpoint that it wraps is missing");
  std::string inner = text_.substr(first->position);
  arguments_.erase(first, arguments_.end());
  return inner;
}

void endpoint_arguments::finish() const {
  for (const argument& a : arguments_) {
    if (a.taken) continue;
    throw endpoint_error(text_, a.position,
                         a.name.empty() ? fmt::format("{} takes no further argument: \"{}\"", kind_, a.value)
                                        : fmt::format("{} has no argument {}", kind_, a.name));
  }
}

void endpoint_arguments::refuse(std::string_view name, std::string_view problem) const {
  for (const argument& a : arguments_) {
    if (a.taken && a.name == name) {
      throw endpoint_error(text_, a.position, fmt::format("{} \"{}\" {}", name, a.value, problem));
    }
  }
  throw endpoint_error(text_, 0, problem);
}

}  // namespace wring::net
