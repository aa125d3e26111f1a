// SPDX-License-Identifier: MIT
#pragma once

// std::construct_at, std::destroy_at and std::addressof. They are <memory>'s, which alone is a fifth of what the
// compiler reads for <wring/core/task.hpp>; in every standard library they come with <optional> as well.
#include <optional>
