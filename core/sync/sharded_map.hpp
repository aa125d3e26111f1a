// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace wring {

/// A bounded map that all schedulers share, and other threads: for what is the process's and not one scheduler's, such
/// as limits per peer, sessions, or a cache.
///
///     wring::sharded_map<std::string, unsigned> logins(10'000);        // before the runtime, destroyed after it
///     const auto allowed = logins.update(name, [](unsigned& n) { return n < 5 && ++n != 0; });
///     if (!allowed) ...                                                // there are 10,000 others already
///
/// Keys are spread over 64 shards by their hash. Each has a lock of its own, which is held while a function looks at a
/// value: so what that does to the value is atomic, and two schedulers rarely wait for each other. The functions must
/// be short, wait for nothing, and not use the map.
///
/// `limit` is the number of keys in the whole map, and so in the process. A key beyond it is refused: nothing is
/// evicted in secret. A new key allocates; nothing else does. All functions may be called from any thread. Values are
/// destroyed by the thread that erases them, or destroys the map, so they should belong to no scheduler.
template <class Key, class Value, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class sharded_map {
 public:
  /// Throws std::invalid_argument for a limit of zero.
  explicit sharded_map(std::size_t limit) : limit_(limit) {
    if (limit == 0) throw std::invalid_argument("sharded_map: the limit is 0: it must be at least 1");
  }
  sharded_map(const sharded_map&) = delete;
  sharded_map& operator=(const sharded_map&) = delete;
  ~sharded_map() = default;

  /// Calls `change(value)` with the value of `key`, which is value-initialised if there was none, and returns what that
  /// returns; without a value (false, if it returns nothing) and without calling it if the map is full. Throws
  /// std::bad_alloc, and what `change` throws; then a new key is not kept.
  template <std::invocable<Value&> Change>
  auto update(const Key& key, Change&& change) {
    shard& in = shard_of(key);
    const std::lock_guard lock(in.mutex);
    auto found = in.values.find(key);
    if (found != in.values.end()) return called(change, found->second);
    if (!reserve()) return nothing<Change>();
    reservation kept(*this);
    found = in.values.try_emplace(key).first;
    struct unless_kept {
      std::unordered_map<Key, Value, Hash, Equal>& values;
      typename std::unordered_map<Key, Value, Hash, Equal>::iterator made;
      bool keep = false;
      ~unless_kept() {
        if (!keep) values.erase(made);
      }
    } made{in.values, found};
    auto outcome = called(change, found->second);
    made.keep = kept.keep = true;
    return outcome;
  }

  /// Calls `look(value)` with the value of `key`, and returns what that returns; without a value (false, if it returns
  /// nothing) if there is no such key.
  template <std::invocable<Value&> Look>
  auto visit(const Key& key, Look&& look) {
    shard& in = shard_of(key);
    const std::lock_guard lock(in.mutex);
    const auto found = in.values.find(key);
    return found != in.values.end() ? called(look, found->second) : nothing<Look>();
  }

  /// A copy of the value of `key`, if there is one.
  [[nodiscard]] std::optional<Value> find(const Key& key) {
    return visit(key, [](const Value& value) { return value; });
  }

  /// False if there was no such key.
  bool erase(const Key& key) {
    return erase_if(key, [](const Value&) { return true; });
  }
  /// Erases `key` if `condition(value)`, which may change the value. Whether it has.
  template <std::predicate<Value&> Condition>
  bool erase_if(const Key& key, Condition&& condition) {
    shard& in = shard_of(key);
    const std::lock_guard lock(in.mutex);
    const auto found = in.values.find(key);
    if (found == in.values.end() || !condition(found->second)) return false;
    in.values.erase(found);
    size_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }
  /// Erases all for which `condition(key, value)`, shard by shard, and returns how many. What other threads add
  /// meanwhile may be missed. It looks at everything: for a clean-up now and then.
  template <std::predicate<const Key&, Value&> Condition>
  std::size_t erase_if(Condition&& condition) {
    std::size_t erased = 0;
    for (shard& in : shards_) {
      const std::lock_guard lock(in.mutex);
      for (auto entry = in.values.begin(); entry != in.values.end();) {
        const bool matches = condition(entry->first, entry->second);
        erased += static_cast<std::size_t>(matches);
        entry = matches ? in.values.erase(entry) : std::next(entry);
      }
    }
    size_.fetch_sub(erased, std::memory_order_relaxed);
    return erased;
  }

  /// Calls `look(key, value)` for all, shard by shard. What other threads change meanwhile may be missed.
  template <std::invocable<const Key&, Value&> Look>
  void for_each(Look&& look) {
    for (shard& in : shards_) {
      const std::lock_guard lock(in.mutex);
      for (auto& [key, value] : in.values) look(key, value);
    }
  }

  /// How many keys there are; others may change that at once.
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

 private:
  static constexpr std::size_t shard_count = 64;
  struct alignas(64) shard {
    std::mutex mutex;
    std::unordered_map<Key, Value, Hash, Equal> values;
  };

  /// Gives the room back that was reserved, unless it was used.
  struct reservation {
    explicit reservation(sharded_map& m) noexcept : map(m) {}
    reservation(const reservation&) = delete;
    reservation& operator=(const reservation&) = delete;
    ~reservation() {
      if (!keep) map.size_.fetch_sub(1, std::memory_order_relaxed);
    }
    sharded_map& map;
    bool keep = false;
  };

  template <class Function>
  using returned = std::invoke_result_t<Function&, Value&>;

  template <class Function>
  static auto called(Function& function, Value& value) {
    if constexpr (std::is_void_v<returned<Function>>) {
      std::invoke(function, value);
      return true;
    } else {
      return std::optional(std::invoke(function, value));
    }
  }
  template <class Function>
  static auto nothing() noexcept {
    if constexpr (std::is_void_v<returned<Function>>) {
      return false;
    } else {
      return std::optional<std::remove_cvref_t<returned<Function>>>();
    }
  }

  // The table inside a shard uses the hash's low bits, too; a weak one may be the number itself.
  shard& shard_of(const Key& key) { return shards_[(std::uint64_t{hash_(key)} * 0x9E3779B97F4A7C15U) >> 58]; }
  bool reserve() noexcept {
    std::size_t size = size_.load(std::memory_order_relaxed);
    do {
      if (size >= limit_) return false;
    } while (!size_.compare_exchange_weak(size, size + 1, std::memory_order_relaxed));
    return true;
  }

  const std::size_t limit_;
  std::atomic<std::size_t> size_ = 0;
  [[no_unique_address]] Hash hash_;
  std::array<shard, shard_count> shards_;
};

}  // namespace wring
