// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <wring/core/detail/export.hpp>
#include <wring/net/descriptor.hpp>
#include <wring/protocols/http/access_record.hpp>

namespace wring::http {

struct access_log_options {
  access_log_format format = access_log_format::combined;
  /// Bytes of lines that may wait to be written; lines beyond it are lost, and counted in `dropped()`. This much memory
  /// is taken twice.
  std::size_t buffer = std::size_t{1024} * 1024;
};
static_assert(std::is_trivially_destructible_v<access_log_options>);

/// A file with a line for each request that a server has answered, or could not: give it to `server::log_to`. It is
/// written by a thread of its own, so that no scheduler waits for a disk: lines are up to 20 ms late. All schedulers
/// may share one. Make it before the runtime; destroyed, it writes what waits.
///
///     http::access_log log("/var/log/app/access.log");
///     server.log_to(log);
class WRING_API access_log {
 public:
  /// Appends to the file, which is made if there is none. Throws std::system_error if it cannot be opened,
  /// std::invalid_argument if not even one line fits into the buffer (16 KiB), std::bad_alloc.
  explicit access_log(std::string path, const access_log_options& options = {});
  /// Writes to this: a pipe, or standard output, duplicated.
  explicit access_log(net::descriptor to, const access_log_options& options = {});
  access_log(const access_log&) = delete;
  access_log& operator=(const access_log&) = delete;
  ~access_log();

  /// Opens the path anew before the next line, since somebody has renamed the file: call it on SIGHUP. If that fails,
  /// it goes on with the file that it has, and says so in the program's log. Without a path it does nothing.
  void reopen() noexcept;
  /// Lines that were lost because the buffer was full, or the file could not be written.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

  /// Adds a line. Never waits for the file. May be called from any thread, as the two above.
  void record(const access_record& r) noexcept;

 private:
  class writer;

  access_log_options options_;
  std::unique_ptr<writer> writer_;
};

}  // namespace wring::http
