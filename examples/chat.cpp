// SPDX-License-Identifier: MIT
//
// A chat room: people give their names, see each other come and go, and talk in lines.
//
//     $ chat --port 7001
//     listening on 127.0.0.1:7001
//
//     $ nc 127.0.0.1 7001
//     What is your name?
//     Ada
//     * Hello, Ada. Nobody else is here.
//     * Grace comes in
//     Hello Grace.
//     <Grace> Hello Ada.
//
// No member waits for another: what is said is posted to an outbox for each member, and a member whose outbox overflows
// is dropped. `visit` is one member's time in the room, over a stream of any kind.

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace net = wring::net;
using namespace std::chrono_literals;
using wring::task;

constexpr std::size_t longest_name = 20;
constexpr std::size_t longest_line = 1000;        // both in bytes
constexpr auto pause_between_lines = 10ms;        // at most 100 lines a second
constexpr auto patience = 10s;                    // for a member to receive what is left at the end
constexpr std::size_t room_for_last_words = 200;  // in an outbox, beyond the limit
constexpr std::size_t send_buffer = 65536;        // what the system may hold for a member, apart from the outbox

/// A member of the room. Lines for a member are posted, without waiting.
struct member {
  member(std::string called, net::stream_ref visitor, wring::nursery& n, std::size_t limit)
      : name(std::move(called)), out(visitor, n, {.limit = limit + room_for_last_words}) {}

  std::string name;
  net::outbox out;
  wring::cancel_scope conversation;  // what the member takes part in until dropped
};

/// The members. Nothing is locked here: between two awaits a task is alone.
class room {
 public:
  /// A member with more than `limit` unsent bytes is dropped.
  explicit room(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] bool has(const std::string& name) const { return members_.contains(name); }

  void enter(member& m) {
    std::string others;
    for (const auto& [name, other] : members_) others += (others.empty() ? "Also here: " : ", ") + name;
    tell(fmt::format("* {} comes in", m.name));
    members_.emplace(m.name, &m);
    m.out.post(fmt::format("* Hello, {}. {}.\n", m.name, others.empty() ? "Nobody else is here" : others));
  }

  /// Does nothing for a member that has been dropped.
  void leave(member& m) {
    if (members_.erase(m.name) != 0) tell(fmt::format("* {} leaves", m.name));
  }

  /// Sends a line to all members except `speaker`, without waiting: those with too much unsent are dropped. (A member
  /// that can no longer be written to has left, or is about to.)
  void tell(const std::string& line, const member* speaker = nullptr) {
    const net::shared_bytes said(line + "\n");
    std::vector<member*> full;
    for (const auto& [name, m] : members_) {
      if (m == speaker) continue;
      if (m->out.unsent() + said.size() > limit_) {
        full.push_back(m);
      } else {
        m->out.post(said);
      }
    }
    for (member* m : full) drop(*m);
  }

 private:
  /// The member is still sent what waits already, and the reason.
  void drop(member& m) {
    if (members_.erase(m.name) == 0) return;
    m.out.post(fmt::format("* You are dropped: more than {} bytes were waiting for you.\n", limit_));
    m.conversation.cancel();
    tell(fmt::format("* {} is dropped: more than {} bytes were waiting", m.name, limit_));
  }

  std::map<std::string, member*> members_;
  std::size_t limit_;
};

bool is_name(std::string_view text) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0; };
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, fits);
}

/// The text without control characters, which could steer readers' terminals.
std::string printable(std::string_view text) {
  std::string clean(text);
  std::ranges::replace_if(clean, [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return clean;
}

/// Asks until the answer is a name that is free. Empty if the visitor hangs up instead.
task<std::string> ask_name(const room& here, net::stream_ref visitor, net::reader& in) {
  co_await visitor.write_all("What is your name?\n");
  while (const auto answer = co_await in.read_line(longest_line)) {
    std::string name(*answer);
    if (!is_name(name)) {
      co_await visitor.write_all(fmt::format("A name is 1 to {} letters and digits. What is yours?\n", longest_name));
    } else if (here.has(name)) {
      co_await visitor.write_all(fmt::format("{} is here already. What is your name?\n", name));
    } else {
      co_return name;
    }
  }
  co_return {};
}

/// Says what the member says, until the member hangs up.
task<> talk(room& here, member& me, net::reader& in) {
  for (;;) {
    const auto line = co_await in.read_line(longest_line).result();
    if (!line && line.error() == wring::errc::limit_exceeded) {
      me.out.post(fmt::format("* A line has {} bytes at most. Good-bye.\n", longest_line));
      co_return;
    }
    if (!line.value()) co_return;  // throws what else may have failed
    here.tell(fmt::format("<{}> {}", me.name, printable(**line)), &me);
    co_await wring::sleep_for(pause_between_lines);
  }
}

/// A member's time in the room. However it ends, with a hang-up, a failure or a cancellation, the others are told:
/// destructors run in each case.
task<> attend(room& here, member& me, net::reader& in) {
  struct presence {
    presence(room& r, member& m) : here(r), me(m) { here.enter(me); }
    ~presence() { here.leave(me); }
    room& here;
    member& me;
  };
  const presence present(here, me);

  auto talking = [&] { return talk(here, me, in); };
  auto talking_until_stopping = [&] { return wring::until_stopping(talking); };
  const auto ended = co_await me.conversation.run(talking_until_stopping);
  const bool stopped = ended && !*ended;
  if (stopped) me.out.post("* The server closes. Good-bye.\n");
}

/// A visitor gives a name, takes part, and leaves.
task<> visit(room& here, net::stream_ref visitor) {
  net::reader in(visitor);
  auto asking = [&] { return ask_name(here, visitor, in); };
  const auto name = co_await wring::until_stopping(asking);
  if (!name || name->empty()) co_return;

  co_await wring::with_nursery([&](wring::nursery& n) -> task<> {
    member me(*name, visitor, n, here.limit());
    co_await attend(here, me, in);
    co_await wring::with_timeout(patience, me.out.drained());
  });
}

}  // namespace

#ifndef WRING_EXAMPLE_UNDER_TEST  // the tests include this file for what is above
namespace {

struct settings {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7001};
  std::size_t outbox = 65536;
};

/// Admits visitors until SIGINT or SIGTERM. Then the port is closed, and all members are told and sent what is left for
/// them.
task<> serve_chat(settings chosen) {
  auto listener = co_await net::listen_tcp(chosen.listen);
  fmt::print("listening on {}\n", listener.local_address());
  std::fflush(stdout);

  room here(chosen.outbox);
  co_await net::serve(listener, [&](net::tcp_stream visitor) -> task<> {
    visitor.set_send_buffer(send_buffer);
    co_await visit(here, visitor);
  });
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  examples::options options("A chat room for those who connect, with nc for example.");
  options.listen(chosen.listen);
  options.size("--outbox", chosen.outbox,
               "how much may wait for somebody who reads too slowly: with more, they are dropped from the room", 1024,
               std::size_t{1} << 30);
  options.read(argc, argv);
  return wring::run(serve_chat, chosen);
}
#endif
