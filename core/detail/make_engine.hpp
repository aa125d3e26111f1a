// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <wring/core/engine/engine.hpp>

namespace wring::detail {

/// Makes the engine for this thread. Throws io_error with the cause and the cure where the kernel refuses.
std::unique_ptr<engine> make_engine(const engine_options& options);

}  // namespace wring::detail
