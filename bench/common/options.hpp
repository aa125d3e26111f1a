// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

namespace bench {

/// One `--name VALUE` that a program takes.
struct option {
  std::string_view name;
  std::string_view* text = nullptr;
  double* number = nullptr;
};

/// Reads `--name VALUE` pairs into what `known` points to. What it does not know ends the program with a message.
inline void read_options(int argc, char** argv, std::initializer_list<option> known) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const option* found = nullptr;
    for (const option& o : known) {
      if (name == o.name) found = &o;
    }
    if (found == nullptr || i + 1 == argc) {
      std::fprintf(stderr, "%s: %s %s\n", argv[0], argv[i], found != nullptr ? "needs a value" : "is no option here");
      std::exit(2);
    }
    const std::string_view value = argv[i + 1];
    if (found->text != nullptr) {
      *found->text = value;
    } else if (std::from_chars(value.data(), value.data() + value.size(), *found->number).ptr !=
               value.data() + value.size()) {
      std::fprintf(stderr, "%s: %s takes a number, not '%s'\n", argv[0], argv[i], argv[i + 1]);
      std::exit(2);
    }
  }
}

}  // namespace bench
