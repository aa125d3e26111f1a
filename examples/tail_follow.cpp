// SPDX-License-Identifier: MIT
//
// Shows the end of a file, and what is added to it, as `tail -F` does: it follows the name. If the file is replaced, as
// logs are that are rotated, it goes on with the new one; if it is emptied, with its beginning.
//
//     $ tail_follow --lines 2 /var/log/app.log
//     started
//     listening on 0.0.0.0:80
//     tail_follow: /var/log/app.log has been replaced
//     started
//
// The directory is watched, and not the file, since a file does not tell what becomes of its name. Changes only say
// that it is worth to look: everything else is found by looking, so that none of them is missed, however many are told
// as one.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using wring::task;

struct settings {
  std::string path;
  std::uint64_t lines = 10;
};

bool is_missing(const wring::error& e) { return e == std::errc::no_such_file_or_directory; }

/// Where the last `lines` lines of a file begin.
task<std::uint64_t> beginning_of_last(net::file& of, std::uint64_t lines) {
  const net::file_status status = co_await of.status();
  std::vector<std::byte> block(std::size_t{64} * 1024);
  std::uint64_t begin = status.size;
  std::uint64_t ends = 0;  // of lines, seen so far; that of the last one does not count
  while (begin != 0) {
    const std::uint64_t from = begin - std::min<std::uint64_t>(begin, block.size());
    const std::span<std::byte> into(block.data(), begin - from);
    const std::size_t count = co_await of.read_at(from, into);
    for (std::size_t i = count; i-- != 0;) {
      if (block[i] != std::byte{'\n'} || from + i + 1 == status.size) continue;
      if (++ends == lines) co_return from + i + 1;
    }
    begin = from;
  }
  co_return 0;
}

class follower {
 public:
  explicit follower(settings chosen) : chosen_(std::move(chosen)) {
    const std::size_t slash = chosen_.path.find_last_of('/');
    folder_ = slash == std::string::npos ? "." : chosen_.path.substr(0, std::max<std::size_t>(slash, 1));
    seen_as_ = (folder_ + '/').append(chosen_.path, slash == std::string::npos ? 0 : slash + 1);
  }

  task<> run() {
    // Watched before it is opened: so nothing happens in between that is not told.
    co_await changes_.watch(folder_);
    co_await begin();
    for (bool goes_on = true; goes_on;) {
      co_await show_new();
      const auto changed = co_await wring::until_stopping(next_change());
      goes_on = changed.has_value();
    }
  }

 private:
  /// The file that is there at the beginning, if there is one.
  task<> begin() {
    const bool there = co_await open_again();
    if (!there) {
      say("is not there yet");
      co_return;
    }
    std::uint64_t from = status_.size;
    if (chosen_.lines != 0) from = co_await beginning_of_last(now_, chosen_.lines);
    now_.seek(from);
  }

  /// Opens what has the name now. False: nothing has.
  task<bool> open_again() {
    auto open = [this] { return net::open_file(chosen_.path); };
    auto opened = co_await open().result();
    if (!opened) {
      if (!is_missing(opened.error())) opened.error().raise();
      co_return false;
    }
    now_ = std::move(*opened);
    status_ = co_await now_.status();
    co_return true;
  }

  /// Shows what has come, of the file that was followed and of the one that has its name now.
  task<> show_new() {
    for (bool looks = true; looks;) {
      co_await show_rest();
      looks = co_await is_another();
    }
  }

  task<> show_rest() {
    const bool is_open = now_.native_handle() >= 0;
    if (!is_open) co_return;
    const net::file_status status = co_await now_.status();
    if (status.size < now_.position()) {
      say("has become shorter");
      now_.seek(0);
    }
    const auto copied = co_await net::copy(now_, screen_);
    copied.value();
  }

  /// Whether the name now stands for another file, which is open then, at its beginning.
  task<bool> is_another() {
    auto look = [this] { return net::status_of_file(chosen_.path); };
    const auto status = co_await look().result();
    if (!status && !is_missing(status.error())) status.error().raise();
    if (!status) {
      const bool is_new = !std::exchange(missing_, true) && now_.native_handle() >= 0;
      if (is_new) {
        co_await show_rest();  // what it got before it lost its name
        say("has gone");
      }
      co_return false;
    }
    missing_ = false;
    const bool was_open = now_.native_handle() >= 0;
    if (was_open && status->number == status_.number && status->device == status_.device) co_return false;
    // What was written to the old one until it lost its name.
    co_await show_rest();
    const bool opened = co_await open_again();
    if (opened) say(was_open ? "has been replaced" : "is there now");
    co_return opened;
  }

  /// Returns when something has happened to the name.
  task<bool> next_change() {
    for (;;) {
      const net::file_change change = co_await changes_.next();
      if (change.path == seen_as_ || change.kind == net::file_change_kind::lost) co_return true;
      if (change.kind == net::file_change_kind::gone) {
        wring::error::from_errno(ENOENT, "watch").raise();
      }
    }
  }

  void say(std::string_view what) const { fmt::print(stderr, "tail_follow: {} {}\n", chosen_.path, what); }

  settings chosen_;
  std::string folder_;
  std::string seen_as_;  ///< its path in changes
  net::file_watcher changes_;
  net::pipe_writer screen_ = net::standard_output();
  net::file now_;
  net::file_status status_ = {};
  bool missing_ = false;
};

task<> tail_follow(settings chosen) {
  follower f(std::move(chosen));
  co_await f.run();
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("Shows the end of a file, and what is added to it; goes on if the file is replaced.");
  options.count("--lines", chosen.lines, "how many lines are shown at first");
  options.text("FILE", chosen.path, "the file, which need not be there yet");
  options.require("FILE");
  options.read(argc, argv);
  return wring::run(tail_follow, chosen);
}
