// SPDX-License-Identifier: MIT
#include <algorithm>

#include <wring/protocols/http/content/form.hpp>
#include <wring/protocols/http/detail/characters.hpp>
#include <wring/protocols/http/detail/target.hpp>
#include <wring/protocols/http/status.hpp>

namespace wring::http {

namespace {

std::string decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  const std::optional<std::size_t> size = detail::decode_escapes(text, out.data(), true);
  if (!size) throw status_error(400, "a form has a bad escape");
  out.resize(*size);
  return out;
}

}  // namespace

form::form(std::string_view text, form_limits limits) {
  if (text.size() > limits.bytes) {
    throw status_error(413, {}, "a form is longer than form_limits::bytes, " + std::to_string(limits.bytes));
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view parameter = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (parameter.empty()) continue;
    if (fields_.size() == limits.fields) {
      throw status_error(413, {}, "a form has more fields than form_limits::fields, " + std::to_string(limits.fields));
    }
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    fields_.emplace_back(decoded(parameter.substr(0, equals)), decoded(value));
  }
}

std::optional<std::string_view> form::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(fields_, name, &value_type::first);
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

std::string_view form::get(std::string_view name) const {
  if (const auto value = find(name)) return *value;
  throw status_error(400, "the form has no field " + std::string(name));
}

std::vector<std::string_view> form::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [each, value] : fields_) {
    if (each == name) values.emplace_back(value);
  }
  return values;
}

task<form> read_form(request& rq, form_limits limits) {
  const std::string_view type = rq.header("content-type").value_or("");
  const std::string_view essence = detail::trimmed(type.substr(0, type.find(';')));
  if (!detail::equals_ignoring_case(essence, "application/x-www-form-urlencoded")) {
    throw status_error(415, "the body should be application/x-www-form-urlencoded");
  }
  const std::string text = co_await rq.body().text(limits.bytes);
  co_return form(text, limits);
}

}  // namespace wring::http
