// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sockets.hpp"

namespace bench {

/// io_uring by its system calls alone, as thin as it gets: what the floor programs and the load generator run on.
/// One thread. What fails ends the program.
///
/// SINGLE_ISSUER, DEFER_TASKRUN, TASKRUN_FLAG, SUBMIT_ALL, NO_SQARRAY where the kernel has it, and a registered ring
/// descriptor: the settings that cost least.
class ring {
 public:
  ring(unsigned entries, unsigned completions) {
    io_uring_params p{};
    const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                           IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    p.flags = flags | no_submission_array;
    p.cq_entries = completions;
    long fd = syscall(SYS_io_uring_setup, entries, &p);
    if (fd < 0 && errno == EINVAL) {
      p = {};
      p.flags = flags;
      p.cq_entries = completions;
      fd = syscall(SYS_io_uring_setup, entries, &p);
    }
    if (fd < 0) die("io_uring_setup");
    fd_ = static_cast<int>(fd);
    map(p);
    io_uring_rsrc_update own{.offset = ~0U, .resv = 0, .data = static_cast<std::uint64_t>(fd)};
    if (syscall(SYS_io_uring_register, fd_, IORING_REGISTER_RING_FDS, &own, 1) != 1) die("register the ring");
    registered_ = own.offset;
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return fd_; }

  /// The next entry to fill, all zero. Submits what is there if the queue is full.
  io_uring_sqe& next() {
    while (tail_ - load(submission_head_) == submission_entries_) enter(0);
    io_uring_sqe& entry = entries_[tail_++ & (submission_entries_ - 1)];
    std::memset(&entry, 0, sizeof entry);
    return entry;
  }

  /// Submits, and waits for `wanted` completions, or until `patience_ns` have passed (0: for ever).
  void enter(unsigned wanted, std::uint64_t patience_ns = 0) {
    store(submission_tail_, tail_);
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING;
    __kernel_timespec patience{.tv_sec = static_cast<std::int64_t>(patience_ns / 1'000'000'000U),
                               .tv_nsec = static_cast<long long>(patience_ns % 1'000'000'000U)};
    io_uring_getevents_arg extended{};
    extended.ts = reinterpret_cast<std::uint64_t>(&patience);
    if (patience_ns != 0) flags |= IORING_ENTER_EXT_ARG;
    syscall(SYS_io_uring_enter, registered_, tail_ - submitted_, wanted, flags, patience_ns != 0 ? &extended : nullptr,
            patience_ns != 0 ? sizeof extended : 0);
    submitted_ = load(submission_head_);
  }

  /// Submits, watches for completions in user space for `watch_ns`, and only then sleeps, for `patience_ns` at most.
  void enter_watching(std::uint64_t watch_ns, std::uint64_t patience_ns = 0) {
    if (tail_ != submitted_) enter(0);
    const std::uint64_t end = now_ns() + watch_ns;
    while (!something_there() && now_ns() < end) {
      for (int i = 0; i < 16 && !something_there(); ++i) pause();
    }
    enter(something_there() ? 0 : 1, patience_ns);
  }

  /// How many completions are there.
  [[nodiscard]] std::uint32_t completions() const noexcept { return load(completion_tail_) - *completion_head_; }

  /// Hands every completion to `handle`, also those that come meanwhile.
  template <class Handle>
  void drain(Handle&& handle) {
    std::uint32_t head = *completion_head_;
    while (head != load(completion_tail_)) {
      const io_uring_cqe completion = completions_[head & (completion_entries_ - 1)];
      store(completion_head_, ++head);
      handle(completion);
    }
  }

 private:
  static constexpr unsigned no_submission_array = 1U << 16;  // IORING_SETUP_NO_SQARRAY: newer than some headers

  static std::uint32_t load(const std::uint32_t* from) noexcept { return __atomic_load_n(from, __ATOMIC_ACQUIRE); }
  static void store(std::uint32_t* to, std::uint32_t value) noexcept { __atomic_store_n(to, value, __ATOMIC_RELEASE); }
  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  [[nodiscard]] bool something_there() const noexcept {
    return load(completion_tail_) != *completion_head_ || (load(submission_flags_) & IORING_SQ_TASKRUN) != 0;
  }

  void map(const io_uring_params& p) {
    const std::size_t completions_end = p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe);
    const std::size_t array_end = p.sq_off.array + p.sq_entries * sizeof(std::uint32_t);
    const std::size_t size = completions_end > array_end ? completions_end : array_end;
    auto* both = static_cast<std::byte*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, IORING_OFF_SQ_RING));
    void* entries = mmap(nullptr, p.sq_entries * sizeof(io_uring_sqe), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_POPULATE, fd_, IORING_OFF_SQES);
    if (both == MAP_FAILED || entries == MAP_FAILED) die("mmap");
    const auto at = [both](std::uint32_t offset) { return reinterpret_cast<std::uint32_t*>(both + offset); };
    entries_ = static_cast<io_uring_sqe*>(entries);
    submission_head_ = at(p.sq_off.head);
    submission_tail_ = at(p.sq_off.tail);
    submission_flags_ = at(p.sq_off.flags);
    submission_entries_ = p.sq_entries;
    completion_head_ = at(p.cq_off.head);
    completion_tail_ = at(p.cq_off.tail);
    completion_entries_ = p.cq_entries;
    completions_ = reinterpret_cast<io_uring_cqe*>(both + p.cq_off.cqes);
    if ((p.flags & no_submission_array) == 0) {
      for (std::uint32_t i = 0; i < p.sq_entries; ++i) at(p.sq_off.array)[i] = i;
    }
  }

  int fd_ = -1;
  std::uint32_t registered_ = 0;
  io_uring_sqe* entries_ = nullptr;
  io_uring_cqe* completions_ = nullptr;
  std::uint32_t* submission_head_ = nullptr;
  std::uint32_t* submission_tail_ = nullptr;
  std::uint32_t* submission_flags_ = nullptr;
  std::uint32_t* completion_head_ = nullptr;
  std::uint32_t* completion_tail_ = nullptr;
  std::uint32_t submission_entries_ = 0;
  std::uint32_t completion_entries_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t submitted_ = 0;
};

/// A ring of receive buffers that the kernel takes from; group 0.
class buffer_ring {
 public:
  buffer_ring(ring& of, std::uint32_t count, std::uint32_t size) : count_(count), size_(size) {
    entries_ = static_cast<io_uring_buf*>(anonymous(count * sizeof(io_uring_buf)));
    memory_ = static_cast<char*>(anonymous(std::size_t{count} * size));
    io_uring_buf_reg request{};
    request.ring_addr = reinterpret_cast<std::uint64_t>(entries_);
    request.ring_entries = count;
    if (syscall(SYS_io_uring_register, of.descriptor(), IORING_REGISTER_PBUF_RING, &request, 1) != 0) {
      die("register receive buffers");
    }
    for (std::uint32_t i = 0; i < count; ++i) put(static_cast<std::uint16_t>(i));
  }

  [[nodiscard]] char* at(std::uint16_t id) const noexcept { return memory_ + std::size_t{id} * size_; }
  /// Takes the buffer that a completion says it has filled.
  std::uint16_t take(const io_uring_cqe& completion) noexcept {
    ++taken_;
    return static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  }

  /// Whether there is one that nobody has taken.
  [[nodiscard]] bool available() const noexcept { return taken_ != count_; }

  void give_back(std::uint16_t id) noexcept {
    --taken_;
    put(id);
  }

 private:
  void put(std::uint16_t id) noexcept {
    io_uring_buf& entry = entries_[tail_++ & (count_ - 1)];
    entry.addr = reinterpret_cast<std::uint64_t>(at(id));
    entry.len = size_;
    entry.bid = id;
    __atomic_store_n(&entries_[0].resv, tail_, __ATOMIC_RELEASE);  // the ring's tail lies there
  }

  static void* anonymous(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (memory == MAP_FAILED) die("mmap");
    return memory;
  }

  io_uring_buf* entries_ = nullptr;
  char* memory_ = nullptr;
  std::uint32_t count_;
  std::uint32_t size_;
  std::uint32_t taken_ = 0;
  std::uint16_t tail_ = 0;
};

/// Fills a receive into a buffer of the ring's own choice; multishot unless `once`.
inline void prepare_receive(io_uring_sqe& entry, int fd, std::uint64_t user_data, bool once = false) {
  entry.opcode = IORING_OP_RECV;
  entry.fd = fd;
  entry.flags = IOSQE_BUFFER_SELECT;
  entry.ioprio = once ? 0 : IORING_RECV_MULTISHOT;
  entry.user_data = user_data;
}

/// Fills a send of all the bytes.
inline void prepare_send(io_uring_sqe& entry, int fd, const char* data, std::uint32_t size, std::uint64_t user_data) {
  entry.opcode = IORING_OP_SEND;
  entry.fd = fd;
  entry.addr = reinterpret_cast<std::uint64_t>(data);
  entry.len = size;
  entry.msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
  entry.user_data = user_data;
}

}  // namespace bench
