// SPDX-License-Identifier: MIT
#include <string>

#include <wring/core/callback/delayed_call_error.hpp>

namespace wring {

call_already_made::call_already_made(const char* what)
    : std::logic_error(std::string("delayed_call::") + what + ": the call was made already") {}
call_already_made::~call_already_made() = default;

call_already_cancelled::call_already_cancelled(const char* what)
    : std::logic_error(std::string("delayed_call::") + what +
                       ": the call was cancelled, or its scheduler was destroyed") {}
call_already_cancelled::~call_already_cancelled() = default;

}  // namespace wring
