// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <wring/core/engine/engine.hpp>
#include <wring/core/thread_pool.hpp>

namespace wring {

engine::~engine() = default;

void engine::register_descriptor(int) noexcept {}
void engine::unregister_descriptor(int) noexcept {}

bool engine::has_files() const noexcept { return true; }

int engine::open_signal_source(const ::sigset_t&) noexcept { return -ENOSYS; }
int engine::next_signal(int) noexcept { return -ENOSYS; }

int engine::begin_job(thread_pool& pool, detail::pool_job& job) noexcept { return pool.begin(job); }
bool engine::withdraw_job(thread_pool& pool, detail::pool_job& job, bool given_up) noexcept {
  return pool.withdraw(job, given_up);
}

std::int32_t engine::attempt_send_file(int, int, std::uint64_t, std::size_t) noexcept { return -EOPNOTSUPP; }
bool engine::is_cached(int, std::uint64_t, std::size_t) noexcept { return false; }
std::int64_t engine::size_of(int) noexcept { return -EOPNOTSUPP; }

int engine::open_socket_pair(int, std::array<int, 2>&) noexcept { return -EOPNOTSUPP; }
int engine::bind_file(int, const ::sockaddr&, std::uint32_t, const socket_file_options&, socket_file&) noexcept {
  return -EOPNOTSUPP;
}
void engine::remove_file(const char*, const socket_file&) noexcept {}

int engine::add_buffers(message_buffers&) noexcept { return 0; }
void engine::remove_buffers(message_buffers&) noexcept {}

operation_observer::~operation_observer() = default;

void operation::abandoned() const noexcept {
  std::fprintf(
      stderr,
      "wring: the record of an operation in flight (%s, descriptor %d) was destroyed; its memory still belongs "
      "to the kernel\n",
      to_string(code), fd);
  std::abort();
}

}  // namespace wring
