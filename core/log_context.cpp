// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>
#include <vector>

#include <wring/core/detail/flows/current_context.hpp>
#include <wring/core/log_context.hpp>

namespace wring::log {

namespace {

using field_binding = wring::detail::binding<const detail::task_field>;

// Its address is the key of all fields.
constexpr char field_key = 0;

// Before main, so that a provider the program sets is not replaced.
[[maybe_unused]] const bool provided = [] {
  set_context_provider(&add_task_fields);
  return true;
}();

}  // namespace

wring::detail::context_ref detail::bind_field(std::string_view key, std::string text) {
  return wring::detail::make_binding<const task_field>(&field_key, std::string(key), std::move(text));
}

std::vector<const detail::task_field*> detail::task_fields(const wring::detail::context_node* innermost) {
  std::vector<const task_field*> fields;  // innermost first
  for (const auto* node = innermost; node != nullptr; node = node->parent) {
    if (node->key != &field_key) continue;
    const task_field& field = static_cast<const field_binding*>(node)->value;
    const bool hidden = std::ranges::any_of(fields, [&](const auto* inner) { return inner->key == field.key; });
    if (!hidden) fields.push_back(&field);
  }
  std::ranges::reverse(fields);
  return fields;
}

void detail::carried_fields::copy_from(const wring::detail::context_node* innermost) {
  const std::vector<const task_field*> fields = task_fields(innermost);
  bindings_.reserve(fields.size());
  for (const task_field* field : fields) {
    wring::detail::context_node* const outer = bindings_.empty() ? nullptr : &bindings_.back();
    bindings_.emplace_back(&field_key, *field).parent = outer;
  }
}

void add_task_fields(record_builder& to) {
  for (const detail::task_field* field : detail::task_fields(wring::detail::current_context())) {
    to.add({field->key, field->text});
  }
}

}  // namespace wring::log
