// SPDX-License-Identifier: MIT
#include <iterator>
#include <utility>

#include <wring/protocols/http/content/file_cache.hpp>

namespace wring::http {

namespace {

/// What a file takes of the limit.
std::size_t cost_of(std::size_t bytes, std::size_t path) noexcept { return bytes + path + 512; }

constexpr std::size_t kept_open = 1;  // in `by_use`

std::size_t kind_of(const detail::cached_file& f) noexcept { return f.opened.get() >= 0 ? kept_open : 0; }

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
  entries& all = in.by_use[kind_of(*found->second->file)];
  all.splice(all.begin(), all, found->second);
  return found->second->file;
}

void file_cache::insert(const detail::cached_name& name, std::shared_ptr<detail::cached_file> file) {
  const std::size_t cost = cost_of(file->bytes.size(), name.path.size());
  if (file->bytes.size() > options_.largest || cost > options_.bytes) return;
  const std::size_t kind = kind_of(*file);
  if (kind == kept_open && options_.open_files == 0) return;
  shard& in = shard_of(name);
  {
    const std::lock_guard lock(in.mutex);
    if (const auto old = in.by_name.find(name); old != in.by_name.end()) erase_from(in, old->second);
    entries& all = in.by_use[kind];
    entry& made = all.emplace_front(std::string(name.path), name, std::move(file));
    made.name.path = made.path;
    try {
      in.by_name.emplace(made.name, all.begin());
    } catch (...) {
      all.pop_front();
      throw;
    }
    files_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(cost, std::memory_order_relaxed);
    if (kind == kept_open) open_.fetch_add(1, std::memory_order_relaxed);
  }
  const auto here = static_cast<std::size_t>(&in - shards_.data());
  make_room(here, kind);
  make_room(here, kept_open - kind);
}

bool file_cache::has_room(std::size_t kind) const noexcept {
  if (kind == kept_open && open_.load(std::memory_order_relaxed) > options_.open_files) return false;
  return bytes_.load(std::memory_order_relaxed) <= options_.bytes;
}

void file_cache::make_room(std::size_t begin, std::size_t kind) noexcept {
  for (std::size_t i = 0; i < shards_.size() && !has_room(kind); ++i) {
    shard& in = shards_[(begin + i) % shards_.size()];
    const std::lock_guard lock(in.mutex);
    entries& all = in.by_use[kind];
    // What was just inserted stays, unless there is nothing else.
    while (!has_room(kind) && all.size() > (i == 0 ? 1U : 0U)) erase_from(in, std::prev(all.end()));
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
  const std::size_t kind = kind_of(*which->file);
  if (kind == kept_open) open_.fetch_sub(1, std::memory_order_relaxed);
  in.by_name.erase(which->name);
  in.by_use[kind].erase(which);
}

void file_cache::clear() noexcept {
  for (shard& in : shards_) {
    const std::lock_guard lock(in.mutex);
    for (entries& all : in.by_use) {
      while (!all.empty()) erase_from(in, all.begin());
    }
  }
}

file_cache_stats file_cache::stats() const noexcept {
  return {.files = files_.load(std::memory_order_relaxed),
          .bytes = bytes_.load(std::memory_order_relaxed),
          .open_files = open_.load(std::memory_order_relaxed),
          .hits = hits_.load(std::memory_order_relaxed),
          .misses = misses_.load(std::memory_order_relaxed)};
}

}  // namespace wring::http
