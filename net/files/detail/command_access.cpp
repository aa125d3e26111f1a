// SPDX-License-Identifier: MIT
#include <cerrno>
#include <string>
#include <vector>

#include <wring/net/files/detail/command_access.hpp>
#include <wring/net/files/detail/file_work.hpp>

namespace wring::net::detail {

namespace {

constexpr const char* starting = "start";

int checked(int value, const command& c) {
  if (value < 0) raise_about_file(value, starting, c.program());
  return value;
}

}  // namespace

void command_access::prepare(const command& c, prepared_child& into) {
  using kind = process_io::kind;
  wring::detail::child_start& start = into.start;
  const auto keep = [&](int fd) {
    into.theirs.emplace_back(fd);
    return fd;
  };
  const auto pipe_for = [&](bool child_writes, descriptor& ours) {
    wring::detail::child_pipe made{};
    checked(wring::detail::open_child_pipe(child_writes, made), c);
    ours = descriptor(made.ours);
    return keep(made.theirs);
  };
  const auto terminal = [&] {
    if (into.terminal.get() < 0) {
      into.terminal =
          descriptor(checked(wring::detail::open_terminal(c.size_.rows, c.size_.columns, start.terminal), c));
    }
    return -1;
  };
  const auto resolve = [&](const process_io& io, int number, descriptor& ours) {
    switch (io.kind_) {
      case kind::inherited:
        return number;
      case kind::null:
        return keep(checked(wring::detail::open_null(), c));
      case kind::pipe:
        return pipe_for(number != 0, ours);
      case kind::terminal:
        return terminal();
      case kind::descriptor:
        return checked(io.fd_ < 0 ? -EBADF : io.fd_, c);
      case kind::output:
        break;
    }
    return checked(number == 2 ? start.descriptors[1] : -EINVAL, c);
  };
  start.descriptors.push_back(resolve(c.input_, 0, into.input));
  start.descriptors.push_back(resolve(c.output_, 1, into.output));
  const bool merged = c.error_.kind_ == kind::output && start.descriptors[1] < 0;
  start.descriptors.push_back(merged ? -1 : resolve(c.error_, 2, into.error));
  for (const int fd : c.passed_) start.descriptors.push_back(checked(fd < 0 ? -EBADF : fd, c));

  start.program = c.program_;
  start.directory = c.directory_;
  start.own_group = c.own_group_;
  start.own_session = c.own_session_;
  start.arguments.push_back(const_cast<char*>(c.program_.c_str()));
  for (const std::string& each : c.arguments_) start.arguments.push_back(const_cast<char*>(each.c_str()));
  start.arguments.push_back(nullptr);
  into.environment = environment_of(c);
  for (std::string& each : into.environment) start.environment.push_back(each.data());
  start.environment.push_back(nullptr);
}

std::vector<std::string> command_access::environment_of(const command& c) {
  std::vector<std::string> all;
  if (!c.empty_environment_) all = wring::detail::current_environment();
  for (const auto& [name, text] : c.changes_) {
    std::erase_if(all, [&](const std::string& each) {
      return each.size() > name.size() && each[name.size()] == '=' && each.starts_with(name);
    });
    if (!text.empty()) all.push_back(text);
  }
  return all;
}

}  // namespace wring::net::detail
