// SPDX-License-Identifier: MIT
#pragma once

#include <istream>
#include <string>
#include <vector>

namespace wring::tests {

/// A name and its arguments, as in programs.py.
using operation = std::vector<std::string>;

/// What a callback or a coroutine does.
struct program_body {
  std::vector<operation> operations;
  std::string outcome;
};

struct program {
  std::string number;
  std::vector<program_body> actions;
  std::vector<program_body> coroutines;
  std::vector<operation> main;
};

/// Reads the next program. False at the end.
inline bool read_program(std::istream& in, program& out) {
  out = {};
  std::string line;
  while (std::getline(in, line)) {
    if (line == "end") return true;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      out.number = line.substr(line.find(' ') + 1);
      continue;
    }
    std::vector<operation> operations(1);
    for (std::size_t at = colon + 1; at < line.size();) {
      const std::size_t begin = line.find_first_not_of(' ', at);
      if (begin == std::string::npos) break;
      if (line[begin] == ';') {
        operations.emplace_back();
        at = begin + 1;
        continue;
      }
      at = std::min(line.find_first_of(" ;", begin), line.size());
      operations.back().push_back(line.substr(begin, at - begin));
    }
    if (operations.back().empty()) operations.pop_back();
    if (line.starts_with("main")) {
      out.main = std::move(operations);
    } else {
      auto& bodies = line.starts_with("action") ? out.actions : out.coroutines;
      std::string outcome = operations.back().at(1);
      operations.pop_back();
      bodies.push_back({std::move(operations), std::move(outcome)});
    }
  }
  return false;
}

}  // namespace wring::tests
