// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace wring::tests {

/// Runs `fn()`, and gives what it writes to standard output meanwhile. What Catch2 reports goes there too: check later.
template <class Fn>
std::string output_of(Fn fn) {
  struct redirection {
    redirection() {
      if (file < 0 || found < 0) throw std::runtime_error("no descriptor for the output");
      std::fflush(stdout);
      ::dup2(file, STDOUT_FILENO);
    }
    ~redirection() {
      std::fflush(stdout);
      ::dup2(found, STDOUT_FILENO);
      ::close(found);
      ::close(file);
    }
    redirection(const redirection&) = delete;
    redirection& operator=(const redirection&) = delete;

    int file = ::memfd_create("output", 0);
    int found = ::dup(STDOUT_FILENO);
  };

  const redirection output;
  fn();
  std::fflush(stdout);
  std::string text(static_cast<std::size_t>(::lseek(output.file, 0, SEEK_END)), '\0');
  text.resize(static_cast<std::size_t>(::pread(output.file, text.data(), text.size(), 0)));
  return text;
}

}  // namespace wring::tests
