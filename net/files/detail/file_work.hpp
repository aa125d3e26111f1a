// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include <wring/core/detail/export.hpp>
#include <wring/core/engine/file_calls.hpp>
#include <wring/core/offload.hpp>
#include <wring/core/task.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/net/files/file_options.hpp>
#include <wring/net/files/file_status.hpp>

/// Calls on files that may block, made by threads of `thread_pool::files()`.
namespace wring::net::detail {

/// Throws errc::not_simulated where a thread would reach other files than the engine does.
WRING_API void require_files(const char* operation, const std::string& path);
/// Throws the fault of a call: an io_error with the path.
[[noreturn]] WRING_API void raise_about_file(int number, const char* operation, const std::string& path,
                                             const char* detail = nullptr);

[[nodiscard]] WRING_API file_status status_of(const wring::detail::file_facts& facts) noexcept;
[[nodiscard]] WRING_API file_kind kind_of(unsigned mode) noexcept;

/// Opens what `file` accepts.
[[nodiscard]] WRING_API task<descriptor> open_for_file(wring::detail::file_place at, std::string path,
                                                       file_options options);

/// Runs `call()`, which returns a value or -errno, on a thread. Returns the value, or throws the fault.
template <class Call>
task<int> call_on_thread(const char* operation, const std::string& path, Call call) {
  require_files(operation, path);
  const int r = co_await offload(thread_pool::files(), call);
  if (r < 0) raise_about_file(r, operation, path);
  co_return r;
}

}  // namespace wring::net::detail
