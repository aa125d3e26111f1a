// SPDX-License-Identifier: MIT
#include <iterator>
#include <utility>

#include <wring/protocols/http/content/file_cache.hpp>

namespace wring::http {

namespace {

/// What a file takes of the limit.
std::size_t cost_of(std::size_t bytes, std::size_t path) noexcept { return bytes + path + 512; }

}  // namespace

file_cache& file_cache::shared() {
  static file_cache all;
  return all;
}

file_cache::shard& file_cache::shard_of(const detail::cached_name& name) noexcept {
  const std::size_t h = detail::cached_name::hash()(name);
  return shards_[(h ^ h >> 32) % shards_.size()];
}

std::shared_ptr<detail::cached_file> file_cache::find(const detail::cached_name& name) {
  shard& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  const auto found = in.by_name.find(name);
  if (found == in.by_name.end()) {
    misses_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  hits_.fetch_add(1, std::memory_order_relaxed);
  in.by_use.splice(in.by_use.begin(), in.by_use, found->second);
  return found->second->file;
}

void file_cache::insert(const detail::cached_name& name, std::shared_ptr<detail::cached_file> file) {
  const std::size_t cost = cost_of(file->bytes.size(), name.path.size());
  if (file->bytes.size() > options_.largest || cost > options_.bytes) return;
  shard& in = shard_of(name);
  {
    const std::lock_guard lock(in.mutex);
    if (const auto old = in.by_name.find(name); old != in.by_name.end()) erase_from(in, old->second);
    entry& made = in.by_use.emplace_front(std::string(name.path), name, std::move(file));
    made.name.path = made.path;
    try {
      in.by_name.emplace(made.name, in.by_use.begin());
    } catch (...) {
      in.by_use.pop_front();
      throw;
    }
    files_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(cost, std::memory_order_relaxed);
  }
  make_room(static_cast<std::size_t>(&in - shards_.data()));
}

void file_cache::make_room(std::size_t begin) noexcept {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (bytes_.load(std::memory_order_relaxed) <= options_.bytes) return;
    shard& in = shards_[(begin + i) % shards_.size()];
    const std::lock_guard lock(in.mutex);
    // What was just inserted stays, unless there is nothing else.
    while (bytes_.load(std::memory_order_relaxed) > options_.bytes && in.by_use.size() > (i == 0 ? 1U : 0U)) {
      erase_from(in, std::prev(in.by_use.end()));
    }
  }
}

void file_cache::erase(const detail::cached_name& name) noexcept {
  shard& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  if (const auto found = in.by_name.find(name); found != in.by_name.end()) erase_from(in, found->second);
}

void file_cache::erase_from(shard& in, entries::iterator which) noexcept {
  files_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(cost_of(which->file->bytes.size(), which->path.size()), std::memory_order_relaxed);
  in.by_name.erase(which->name);
  in.by_use.erase(which);
}

void file_cache::clear() noexcept {
  for (shard& in : shards_) {
    const std::lock_guard lock(in.mutex);
    while (!in.by_use.empty()) erase_from(in, in.by_use.begin());
  }
}

file_cache_stats file_cache::stats() const noexcept {
  return {.files = files_.load(std::memory_order_relaxed),
          .bytes = bytes_.load(std::memory_order_relaxed),
          .hits = hits_.load(std::memory_order_relaxed),
          .misses = misses_.load(std::memory_order_relaxed)};
}

}  // namespace wring::http
