// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

#include <wring/core/deferred_error.hpp>
#include <wring/core/detail/exception_trace.hpp>
#include <wring/core/failure.hpp>

namespace wring {

failure failure::current() {
  std::exception_ptr handled = std::current_exception();
  if (handled == nullptr) throw no_current_exception();
  return failure(std::move(handled));
}

std::string failure::message() const { return detail::describe(exception_); }

std::string failure::type_name() const {
  try {
    raise();
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    if (type == nullptr) return "unknown";
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                      std::free);
    return name ? name.get() : type->name();
  }
}

}  // namespace wring
