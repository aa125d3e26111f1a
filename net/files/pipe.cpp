// SPDX-License-Identifier: MIT
#include <array>
#include <unistd.h>

#include <wring/core/detail/destroyed_in_use.hpp>
#include <wring/core/scheduler.hpp>
#include <wring/net/files/pipe.hpp>

namespace wring::net {

using wring::detail::opened_pipe;
using wring::detail::pipe_access;

namespace {

void require_pipes(const char* operation) {
  if (!scheduler::current().engine().has_files()) error(errc::not_simulated, operation).raise();
}

opened_pipe opened_again(int fd, bool to_write, const error_address& name) {
  constexpr const char* what = "open";
  if (!scheduler::current().engine().has_files()) error(errc::not_simulated, what).with_address(name).raise();
  const opened_pipe made = wring::detail::open_again(fd, to_write);
  if (made.fd < 0) error::from_errno(made.fd, what).with_address(name).raise();
  return made;
}

descriptor released(detail::pipe_end_state* s) {
  constexpr const char* what = "release";
  if (s == nullptr) error(errc::closed, what).raise();
  if (!s->is_open()) s->fault(errc::closed, what).raise();
  if (s->active != nullptr) s->fault(errc::busy, what).raise();
  if (s->access == pipe_access::own) {
    if (const int r = scheduler::current().engine().make_blocking(s->fd.get()); r < 0) s->fault(r, what).raise();
  }
  s->closing = true;
  return std::move(s->fd);
}

}  // namespace

pipe_reader::~pipe_reader() {
  if (state_ != nullptr && state_->active != nullptr) [[unlikely]]
    wring::detail::destroyed_in_use("a pipe");
}

pipe_writer::~pipe_writer() {
  if (state_ != nullptr && state_->first != nullptr) [[unlikely]]
    wring::detail::destroyed_in_use("a pipe");
}

descriptor pipe_reader::release() { return released(state_.get()); }
descriptor pipe_writer::release() { return released(state_.get()); }

pipe_reader detail::pipe_ends::reader(descriptor fd, pipe_access how, const error_address& name, bool hang_up_is_end) {
  auto made = std::make_unique<pipe_read_state>(std::move(fd), how, name);
  made->hang_up_is_end = hang_up_is_end;
  return pipe_reader(std::move(made));
}

pipe_writer detail::pipe_ends::writer(descriptor fd, pipe_access how, const error_address& name) {
  return pipe_writer(std::make_unique<pipe_write_state>(std::move(fd), how, name));
}

detail::pipe_end_state* detail::pipe_ends::state_of(pipe_reader& r) noexcept { return r.state_.get(); }
detail::pipe_end_state* detail::pipe_ends::state_of(pipe_writer& w) noexcept { return w.state_.get(); }

pipe_reader pipe_reader::of(int fd, std::string_view name) {
  const auto text = error_address::from_text(name);
  const opened_pipe made = opened_again(fd, false, text);
  return detail::pipe_ends::reader(descriptor(made.fd), made.access, text);
}

pipe_writer pipe_writer::of(int fd, std::string_view name) {
  const auto text = error_address::from_text(name);
  const opened_pipe made = opened_again(fd, true, text);
  return detail::pipe_ends::writer(descriptor(made.fd), made.access, text);
}

std::pair<pipe_reader, pipe_writer> make_pipe() {
  constexpr const char* what = "make a pipe";
  require_pipes(what);
  std::array<int, 2> ends{};
  if (const int r = wring::detail::open_pipe(ends); r < 0) error::from_errno(r, what).raise();
  descriptor to_read(ends[0]);
  descriptor to_write(ends[1]);
  const auto name = error_address::from_text("pipe");
  pipe_reader reader = detail::pipe_ends::reader(std::move(to_read), pipe_access::own, name);
  return {std::move(reader), detail::pipe_ends::writer(std::move(to_write), pipe_access::own, name)};
}

pipe_reader standard_input() { return pipe_reader::of(STDIN_FILENO, "standard input"); }
pipe_writer standard_output() { return pipe_writer::of(STDOUT_FILENO, "standard output"); }
pipe_writer standard_error() { return pipe_writer::of(STDERR_FILENO, "standard error"); }

}  // namespace wring::net
