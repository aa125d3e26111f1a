// SPDX-License-Identifier: MIT
#include <string>

#include <fmt/format.h>

#include <wring/core/callback/deferred_error.hpp>
#include <wring/core/detail/flows/exception_trace.hpp>
#include <wring/core/error.hpp>

namespace wring {

namespace {

std::string second_call(const std::source_location& first) {
  return fmt::format("a deferred was fired a second time; first by {} ({}:{})",
                     detail::short_function_name(first.function_name()), first.file_name(), first.line());
}

}  // namespace

cancelled_error::cancelled_error()
    : std::system_error(std::make_error_code(std::errc::operation_canceled), "the deferred was cancelled") {}
cancelled_error::~cancelled_error() = default;

broken_deferred::broken_deferred()
    : std::system_error(make_error_code(errc::closed),
                        "the source of the deferred was destroyed without having fired it") {}
broken_deferred::~broken_deferred() = default;

already_called::already_called(const std::source_location& first)
    : std::logic_error(second_call(first)), first_(first) {}
already_called::~already_called() = default;

no_current_exception::no_current_exception() : std::logic_error("no exception is being handled that could be taken") {}
no_current_exception::~no_current_exception() = default;

}  // namespace wring
