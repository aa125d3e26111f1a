// SPDX-License-Identifier: MIT
//
// Runs a command, and again whenever files of a folder, or of those in it, have changed.
//
//     $ build_watch --folder src -- make -j 2 test
//     build_watch: make
//     ...
//     build_watch: exited with 0; waiting for changes in src
//
// A `file_watcher` tells what happens in each folder, a `process` is the command, which has this program's terminal.
// When asked to stop, it ends the command.

#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using namespace std::chrono_literals;
using wring::task;

struct settings {
  std::string folder = ".";
  wring::duration quiet = 100ms;
  std::vector<std::string> command;
};

void say(const std::string& text) {
  fmt::print("build_watch: {}\n", text);
  std::fflush(stdout);
}

/// Watches a folder and those in it, but for hidden ones.
task<> watch_tree(net::file_watcher& changes, std::string folder) {
  co_await changes.watch(folder);
  const std::vector<net::directory_entry> entries = co_await net::list_directory(folder);
  for (const net::directory_entry& each : entries) {
    if (each.kind != net::file_kind::directory || each.name.starts_with('.')) continue;
    co_await watch_tree(changes, folder + '/' + each.name);
  }
}

/// The next change that can matter to a build: its path.
task<std::string> next_change(net::file_watcher& changes) {
  for (;;) {
    const net::file_change change = co_await changes.next();
    switch (change.kind) {
      case net::file_change_kind::created:
      case net::file_change_kind::moved_here:
        if (change.directory) {
          // It may be gone by now.
          auto watch = [&] { return watch_tree(changes, change.path); };
          static_cast<void>(co_await watch().result());
        }
        co_return change.path;
      case net::file_change_kind::written:
      case net::file_change_kind::moved_away:
      case net::file_change_kind::removed:
        co_return change.path;
      case net::file_change_kind::lost:
        co_return "more than can be told";
      case net::file_change_kind::modified:
      case net::file_change_kind::attributes:
      case net::file_change_kind::gone:
        break;
    }
  }
}

/// Returns when nothing has changed for so long.
task<> settle(net::file_watcher& changes, wring::duration quiet) {
  for (bool more = true; more;) {
    const auto next = co_await wring::move_on_after(quiet, next_change(changes));
    more = next.has_value();
  }
}

/// Waits for a change, and for those that come with it.
task<std::string> settled_change(net::file_watcher& changes, wring::duration quiet) {
  std::string first = co_await next_change(changes);
  co_await settle(changes, quiet);
  co_return first;
}

/// Runs the command to its end. None: the program was asked to stop, and the command has been ended.
task<std::optional<net::process_status>> build(const std::vector<std::string>& words) {
  net::command what(words.front());
  for (std::size_t i = 1; i < words.size(); ++i) what.argument(words[i]);
  net::process p = co_await net::spawn(what);
  const auto status = co_await wring::until_stopping(p.wait());
  if (!status) co_await p.end(5s);
  co_return status;
}

task<> watch_and_build(settings chosen) {
  net::file_watcher changes;
  co_await watch_tree(changes, chosen.folder);
  for (;;) {
    say(chosen.command.front());
    const auto status = co_await build(chosen.command);
    if (!status) break;
    // What has changed meanwhile is taken for the command's own doing.
    co_await settle(changes, chosen.quiet);
    say(fmt::format("{}; waiting for changes in {}", status->to_string(), chosen.folder));
    const auto changed = co_await wring::until_stopping(settled_change(changes, chosen.quiet));
    if (!changed) break;
    say(*changed + " has changed");
  }
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Runs a command, and again whenever files of a folder, or of those in it, have changed.");
  options.text("--folder", chosen.folder, "the folder that is watched");
  options.time("--quiet", chosen.quiet, "for how long nothing more must have changed", 1ms);
  options.list("COMMAND", chosen.command,
               "the command, with its arguments; put -- before one whose arguments have dashes");
  options.read(argc, argv);
  return wring::run(watch_and_build, chosen);
}
