// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>
#include <wring/protocols/http/content/detail/cached_file.hpp>

namespace wring::http {

/// Limits of a file_cache.
struct file_cache_options {
  std::size_t bytes = std::size_t{64} * 1024 * 1024;  ///< of files, together with what is known about them
  std::size_t largest = std::size_t{64} * 1024;       ///< bytes of a file; larger ones the kernel sends by itself
  /// Larger files that are kept open, so that to send one it need not be opened. What is kept open takes its room on
  /// the disk, also once its name has been removed, until others are asked for instead.
  std::size_t open_files = 0;
  duration fresh = std::chrono::seconds(1);  ///< how long a file is taken for unchanged without looking at it
};
static_assert(std::is_trivially_destructible_v<file_cache_options>);

/// What a file_cache has done.
struct file_cache_stats {
  std::size_t files = 0;  ///< that it has now
  std::size_t bytes = 0;  ///< of its limit that are in use
  std::size_t open_files = 0;
  std::uint64_t hits = 0;    ///< files that were sent from it
  std::uint64_t misses = 0;  ///< files that had to be opened
};

/// Small files in memory, and larger ones kept open, for all schedulers together, as `static_files` send them. Those
/// that have not been used for the longest time make room for others. A file is kept only once it has been unchanged
/// for a second, so that a later change always shows in its time.
///
/// Make it before the runtime, and destroy it after that. Its functions may be called by any thread.
class WRING_API file_cache {
 public:
  explicit file_cache(const file_cache_options& options = {}) noexcept : options_(options) {}
  file_cache(const file_cache&) = delete;
  file_cache& operator=(const file_cache&) = delete;
  ~file_cache() = default;

  /// The process's, which `static_files` use unless they are given another.
  [[nodiscard]] static file_cache& shared();

  [[nodiscard]] const file_cache_options& options() const noexcept { return options_; }
  [[nodiscard]] file_cache_stats stats() const noexcept;
  /// Forgets all files.
  void clear() noexcept;

  // For the library.

  [[nodiscard]] std::shared_ptr<detail::cached_file> find(const detail::cached_name& name);
  /// In place of what has the name.
  void insert(const detail::cached_name& name, std::shared_ptr<detail::cached_file> file);
  void erase(const detail::cached_name& name) noexcept;

 private:
  struct entry {
    std::string path;
    detail::cached_name name;  // refers to `path`
    std::shared_ptr<detail::cached_file> file;
  };
  using entries = std::list<entry>;
  struct shard {
    std::mutex mutex;
    std::array<entries, 2> by_use;  // in memory, kept open: the last one used first
    std::unordered_map<detail::cached_name, entries::iterator, detail::cached_name::hash> by_name;
  };

  [[nodiscard]] shard& shard_of(const detail::cached_name& name) noexcept;
  void erase_from(shard& in, entries::iterator which) noexcept;
  void make_room(std::size_t begin, std::size_t kind) noexcept;
  [[nodiscard]] bool has_room(std::size_t kind) const noexcept;

  const file_cache_options options_;
  std::array<shard, 16> shards_;
  std::atomic<std::size_t> files_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> open_ = 0;
  std::atomic<std::uint64_t> hits_ = 0;
  std::atomic<std::uint64_t> misses_ = 0;
};

}  // namespace wring::http
