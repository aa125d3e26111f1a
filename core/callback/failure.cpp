// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

#include <fmt/format.h>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/callback/failure.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>

namespace wring {

namespace {

// The ends of what is nested too deep to be meant are left out.
constexpr int deepest = 16;

std::exception_ptr nested_in(const failure& f) noexcept {
  const auto* const nested = f.get_if<std::nested_exception>();
  return nested != nullptr ? nested->nested_ptr() : nullptr;
}

}  // namespace

failure failure::current() {
  std::exception_ptr handled = std::current_exception();
  if (handled == nullptr) throw no_current_exception();
  return failure(detail::fault_of(std::move(handled)));
}

std::string failure::message() const { return detail::describe(exception()); }

std::string failure::type_name() const {
  try {
    std::rethrow_exception(exception());
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    if (type == nullptr) return "unknown";
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                      std::free);
    return name ? name.get() : type->name();
  }
}

std::string failure::traceback() const {
  std::string text = fmt::format("{}: {}\n", type_name(), message());
  for (const std::string& line : stack()) text += fmt::format("  at {}\n", line);
  std::exception_ptr nested = nested_in(*this);
  for (int depth = 0; nested != nullptr && depth != deepest; ++depth) {
    const failure cause(detail::fault{nested});
    text += fmt::format("caused by {}: {}\n", cause.type_name(), cause.message());
    nested = nested_in(cause);
  }
  return text;
}

}  // namespace wring
