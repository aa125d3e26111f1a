// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace wring::tests {

/// What a signal does, until this is destroyed.
class disposition {
 public:
  disposition(int number, void (*what)(int)) : number_(number), before_(std::signal(number, what)) {}
  disposition(const disposition&) = delete;
  disposition& operator=(const disposition&) = delete;
  ~disposition() { std::signal(number_, before_); }

 private:
  int number_;
  void (*before_)(int);
};

/// Writes to pipes that nobody reads fail, as they do in `run`.
struct without_sigpipe : disposition {
  without_sigpipe() : disposition(SIGPIPE, SIG_IGN) {}
};

}  // namespace wring::tests
