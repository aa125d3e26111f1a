// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/detail/scheduling/frame_recycler.hpp>
#include <wring/net/detail/gathered.hpp>
#include <wring/net/detail/outbox_queue.hpp>
#include <wring/net/detail/queued_write.hpp>

namespace wring::net::detail {

using wring::detail::frame_recycler;

/// Some of the bytes: in the memory that follows, where small posts are joined, or shared.
struct outbox_queue::block {
  /// With its header, what the recycler keeps.
  static constexpr std::size_t least_capacity = 1900;

  [[nodiscard]] static block& make(std::size_t capacity) {
    return *::new (frame_recycler::allocate(sizeof(block) + capacity)) block{.capacity = capacity};
  }
  static void free(block& b) noexcept {
    const std::size_t size = sizeof(block) + b.capacity;
    std::destroy_at(&b);
    frame_recycler::deallocate(&b, size);
  }

  [[nodiscard]] std::byte* memory() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] std::span<const std::byte> unsent() noexcept {
    const std::byte* const bytes = capacity != 0 ? memory() : shared.bytes().data();
    return {bytes + begin, end - begin};
  }

  block* next = nullptr;
  std::size_t capacity;
  std::size_t begin = 0;
  std::size_t end = 0;
  shared_bytes shared = {};
};

/// A write of posted bytes that is queued on the stream, or has its turn there.
class outbox_queue::turn final : public queued_write {
 public:
  explicit turn(outbox_queue& q) noexcept : previous(q.last_turn_), queue_(q) {}
  static void* operator new(std::size_t size) { return frame_recycler::allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

  std::size_t parts(std::span<std::span<const std::byte>> into) noexcept override { return queue_.parts(unsent, into); }
  void written(std::size_t count) noexcept override {
    unsent -= count;
    queue_.written(count);
  }
  void ended(const error* fault) noexcept override { queue_.ended(*this, fault); }

  turn* previous;
  turn* next = nullptr;
  std::size_t unsent = 0;

 private:
  outbox_queue& queue_;
};

/// In the task that writes: notes its end, however it ends, even before it begins.
class outbox_queue::writing {
 public:
  explicit writing(outbox_queue& q) noexcept : queue_(&q) {}
  writing(writing&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
  writing& operator=(writing&&) = delete;
  ~writing() {
    if (queue_ != nullptr) queue_->task_ended();
  }
  outbox_queue* operator->() const noexcept { return queue_; }

 private:
  outbox_queue* queue_;
};

void* outbox_queue::operator new(std::size_t size) { return frame_recycler::allocate(size); }
void outbox_queue::operator delete(void* block, std::size_t size) noexcept { frame_recycler::deallocate(block, size); }

void outbox_queue::abandon() noexcept {
  if (!listeners_.empty()) [[unlikely]]
    wring::detail::destroyed_in_use("an outbox");
  abandoned_ = true;
  if (has_task_) return writer_.cancel();
  // The last one first, so that none begins. Only the first may have its turn, which may end later.
  withdrawing_ = true;
  while (last_turn_ != first_turn_) withdraw(*last_turn_);
  if (first_turn_ != nullptr) withdraw(*first_turn_);
  withdrawing_ = false;
  if (first_turn_ == nullptr) delete this;
}

// One that is not queued has no bytes: a post failed for lack of memory.
void outbox_queue::withdraw(turn& t) noexcept {
  if (t.queued()) {
    t.withdraw();
  } else {
    remove(t);
  }
}

// What is needed for writing is there before anything is taken.
void outbox_queue::prepare() {
  if (!needs_task_) {
    if (last_turn_ == nullptr || last_turn_->followed()) {
      turn* const added = new turn(*this);
      (last_turn_ != nullptr ? last_turn_->next : first_turn_) = added;
      last_turn_ = added;
    }
    return;
  }
  if (has_task_) return;
  has_task_ = true;
  writer_ = nursery_.start(write, writing(*this));  // if that fails, the task has ended
}

void outbox_queue::task_ended() noexcept {
  has_task_ = false;
  if (abandoned_) {
    delete this;
  } else if (unsent_ != 0) {
    fail(error::from_errno(ECANCELED, "write to").with_address(stream_.peer_address()));
  }
}

bool outbox_queue::add(std::span<const std::byte> bytes) {
  if (fault_) return false;
  if (bytes.empty()) return true;
  prepare();
  const std::size_t free = last_ != nullptr ? last_->capacity - std::min(last_->capacity, last_->end) : 0;
  const std::size_t joined = std::min(free, bytes.size());
  block* added = nullptr;
  if (joined != bytes.size()) added = &block::make(std::max(bytes.size() - joined, block::least_capacity));
  if (joined != 0) {
    std::memcpy(last_->memory() + last_->end, bytes.data(), joined);
    last_->end += joined;
  }
  if (added != nullptr) {
    added->end = bytes.size() - joined;
    std::memcpy(added->memory(), bytes.data() + joined, added->end);
    append(*added);
  }
  return begin(bytes.size());
}

bool outbox_queue::add(shared_bytes&& bytes) {
  if (fault_) return false;
  if (bytes.empty()) return true;
  prepare();
  block& added = block::make(0);
  added.end = bytes.size();
  added.shared = std::move(bytes);
  append(added);
  return begin(added.end);
}

void outbox_queue::append(block& b) noexcept {
  (last_ != nullptr ? last_->next : first_) = &b;
  last_ = &b;
}

// False: the stream refuses to be written to.
bool outbox_queue::begin(std::size_t added) noexcept {
  unsent_ += added;
  if (!needs_task_) {
    last_turn_->unsent += added;
    if (!last_turn_->queued()) stream_access::queue(stream_, *last_turn_);
  }
  return !fault_;
}

void outbox_queue::overflow() noexcept {
  fault_ = error(errc::limit_exceeded, "post to")
               .with_address(stream_.peer_address())
               .with_count(limit_)
               .with_detail("the peer reads too slowly; outbox_options::limit says how much may wait for it");
  stream_.abort();
  if (first_turn_ == nullptr && !has_task_) fail(*fault_);
}

// Of the first `of` bytes.
std::size_t outbox_queue::parts(std::size_t of, std::span<std::span<const std::byte>> into) const noexcept {
  std::size_t count = 0;
  for (block* b = first_; b != nullptr && of != 0 && count != into.size(); b = b->next) {
    const std::span<const std::byte> bytes = b->unsent();
    into[count] = bytes.first(std::min(of, bytes.size()));
    of -= into[count++].size();
  }
  return count;
}

void outbox_queue::written(std::size_t count) noexcept {
  unsent_ -= count;
  while (first_ != nullptr && count >= first_->end - first_->begin) {
    count -= first_->end - first_->begin;
    drop_first();
  }
  if (count != 0) first_->begin += count;
  tell();
}

void outbox_queue::drop_first() noexcept {
  block& b = *first_;
  first_ = b.next;
  if (first_ == nullptr) last_ = nullptr;
  block::free(b);
}

void outbox_queue::clear() noexcept {
  while (first_ != nullptr) drop_first();
  unsent_ = 0;
}

// The bytes stay while one of the turns may be sending them.
void outbox_queue::fail(const error& e) noexcept {
  if (!fault_) fault_ = e;
  if (first_turn_ == nullptr) clear();
  tell();
}

void outbox_queue::ended(turn& t, const error* fault) noexcept {
  if (fault == nullptr && t.unsent != 0 && !fault_ && !abandoned_) return stream_access::queue(stream_, t);
  remove(t);
  if (abandoned_) {
    if (first_turn_ == nullptr && !withdrawing_) delete this;
  } else if (fault != nullptr) {
    fail(*fault);
  } else if (fault_) {
    fail(*fault_);
  }
}

void outbox_queue::remove(turn& t) noexcept {
  (t.previous != nullptr ? t.previous->next : first_turn_) = t.next;
  (t.next != nullptr ? t.next->previous : last_turn_) = t.previous;
  delete &t;
}

void outbox_queue::tell() noexcept {
  for (listener* l = listeners_.front(); l != nullptr;) {
    listener& told = *l;
    l = static_cast<listener*>(told.next);
    if (!fault_ && unsent_ > told.at_most) continue;
    listeners_.remove(told);
    told.drained();
  }
}

task<> outbox_queue::write(writing self) {
  for (;;) {
    std::array<std::span<const std::byte>, gathered::most_parts> parts;
    const std::span<const std::span<const std::byte>> filled(parts.data(), self->parts(self->unsent_, parts));
    if (filled.empty()) co_return;
    std::size_t size = 0;
    for (const std::span<const std::byte> part : filled) size += part.size();
    const result<void> outcome = co_await self->stream_.write_all(filled).result();
    if (!outcome) {
      self->fail(outcome.error());
      co_return;
    }
    self->written(size);
  }
}

wait_description outbox_queue::describe(const char* operation) const noexcept {
  return {.operation = operation, .fd = -1, .address = stream_.peer_address()};
}

}  // namespace wring::net::detail
