// SPDX-License-Identifier: MIT
#include <stdexcept>

#include <wring/net/files/command.hpp>

namespace wring::net {

namespace {

std::string checked_name(std::string_view name) {
  if (name.empty() || name.find('=') != std::string_view::npos) {
    throw std::invalid_argument("the name of an environment variable is empty or has a '='");
  }
  return std::string(name);
}

}  // namespace

command::command(std::string program) : program_(std::move(program)) {}

command& command::argument(std::string value) {
  arguments_.push_back(std::move(value));
  return *this;
}

command& command::directory(std::string path) {
  directory_ = std::move(path);
  return *this;
}

command& command::environment(std::string_view name, std::string_view value) {
  std::string key = checked_name(name);
  std::string text = key + '=';
  text += value;
  changes_.emplace_back(std::move(key), std::move(text));
  return *this;
}

command& command::without_environment(std::string_view name) {
  changes_.emplace_back(checked_name(name), std::string());
  return *this;
}

command& command::empty_environment() {
  changes_.clear();
  empty_environment_ = true;
  return *this;
}

command& command::input(process_io io) noexcept { return input_ = io, *this; }
command& command::output(process_io io) noexcept { return output_ = io, *this; }
command& command::error(process_io io) noexcept { return error_ = io, *this; }

command& command::terminal(terminal_size size) noexcept {
  size_ = size;
  input_ = output_ = error_ = process_io(process_io::kind::terminal);
  own_session_ = true;
  return *this;
}

command& command::pass(int fd) {
  passed_.push_back(fd);
  return *this;
}

command& command::own_group() noexcept { return own_group_ = true, *this; }
command& command::own_session() noexcept { return own_session_ = true, *this; }
command& command::when_abandoned(net::abandonment what) noexcept { return abandonment_ = what, *this; }

}  // namespace wring::net
