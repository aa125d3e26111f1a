// SPDX-License-Identifier: MIT
#pragma once

#include <wring/config.hpp>

/// Marks what a shared libwring exports: everything else has hidden visibility.
#define WRING_API __attribute__((visibility("default")))

#if !defined(__cpp_exceptions) || !defined(__cpp_rtti)
#error "Wring needs exceptions and RTTI: remove -fno-exceptions and -fno-rtti"
#endif
