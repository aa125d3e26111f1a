// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>

namespace wring::detail {

/// The processors that this thread may run on, by number; one at least.
[[nodiscard]] WRING_API std::vector<int> allowed_processors();

/// How many processors the process may use at once: those allowed, and no more than the quota of its control groups,
/// rounded up.
[[nodiscard]] WRING_API unsigned usable_processors();

/// The smallest quota, in processors, of the control group that `membership` (the text of /proc/self/cgroup) names and
/// of those around it. `read` returns the text of a file, or none. None: there is no quota.
[[nodiscard]] WRING_API std::optional<double> processor_quota(
    std::string_view membership, const std::function<std::optional<std::string>(const std::string&)>& read);

/// Restricts this thread to these processors. Returns 0 or -errno.
[[nodiscard]] WRING_API int restrict_this_thread(const std::vector<int>& processors) noexcept;

}  // namespace wring::detail
