// SPDX-License-Identifier: MIT
// Runs programs of what a connection's protocol and its peer do (see transport_test.py), read from standard input, and
// writes what happens in them.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <wring/core/log.hpp>
#include <wring/core/nursery.hpp>
#include <wring/core/sleep.hpp>
#include <wring/core/sync/event.hpp>
#include <wring/core/testing/clock.hpp>
#include <wring/core/testing/run.hpp>
#include <wring/net/callback/run_protocol.hpp>
#include <wring/net/memory_stream.hpp>

namespace {

using namespace wring;

struct program {
  std::string number;
  bool half_closeable = false;
  std::map<std::string, std::vector<std::string>, std::less<>> scripts;
};

bool read_program(std::istream& in, program& p) {
  p = {};
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "end") return true;
    if (first == "program") {
      std::string kind;
      words >> p.number >> kind;
      p.half_closeable = kind == "half";
      continue;
    }
    for (std::string word; words >> word;) p.scripts[first].push_back(word);
  }
  return false;
}

std::string name_of(const failure& reason) {
  if (reason.check<net::connection_done>()) return "done";
  if (reason.check<net::connection_aborted>()) return "aborted";
  if (reason.check<net::connection_lost_error>()) return "lost";
  return reason.check<std::logic_error>() ? "misuse" : reason.message();
}

/// What has happened. Bytes that arrive one after the other are one event.
class trace {
 public:
  void add(std::string event) {
    flush();
    lines_ += event + '\n';
  }
  void data(std::size_t count) { data_ += count; }
  void flush() {
    if (data_ != 0) lines_ += "data " + std::to_string(std::exchange(data_, 0)) + '\n';
  }
  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  std::string lines_;
  std::size_t data_ = 0;
};

class machine;

/// Writes so many pieces, and then does what the program says.
class piecemeal final : public net::producer {
 public:
  piecemeal(machine& m, net::production how, std::string_view spec);
  void begin();
  void resume_producing() override;
  void pause_producing() override;
  void stop_producing() override;

 private:
  void piece();
  void finish();

  machine& machine_;
  net::production how_;
  std::size_t size_ = 0;
  std::size_t left_ = 0;
  std::string end_;
  bool running_ = false;
  bool ended_ = false;
};

class machine {
 public:
  machine(const program& p, trace& t) : program_(p), trace_(t) {}

  task<> run();

  void script(std::string_view name) {
    if (const auto found = program_.scripts.find(name); found != program_.scripts.end()) {
      for (const std::string& operation : found->second) step(operation);
    }
  }
  void step(std::string_view operation);
  [[nodiscard]] net::transport& transport() const { return protocol_->transport(); }

  void lost(const failure& reason) {
    shows_peer_ = reason.check<net::connection_done>() && lost_by_itself_;
    trace_.add("lost " + name_of(reason));
    script("lost");
  }

  trace& events() { return trace_; }
  bool data_seen = false;

 private:
  void register_producer(net::production how, std::string_view spec) {
    producers_.push_back(std::make_unique<piecemeal>(*this, how, spec));
    producers_.back()->begin();
  }
  task<> peer_reads();
  task<> settle();
  task<> peer_step(std::string_view operation, net::memory_stream& peer);
  task<> play(net::memory_stream& peer);
  void report_peer();

  const program& program_;
  trace& trace_;
  std::shared_ptr<net::protocol> protocol_;
  std::vector<std::unique_ptr<piecemeal>> producers_;
  net::memory_stream* peer_ = nullptr;
  std::size_t peer_received_ = 0;
  std::size_t peer_reported_ = 0;
  std::string peer_end_;
  event peer_may_read_;
  bool held_ = false;
  bool lost_by_itself_ = false;
  bool shows_peer_ = true;
};

/// Has the functions of one that is, which nobody calls.
struct not_half_closeable {
  virtual ~not_half_closeable() = default;
  virtual void read_connection_lost() = 0;
  virtual void write_connection_lost() = 0;
};

template <bool HalfCloseable>
class subject final : public net::protocol,
                      public std::conditional_t<HalfCloseable, net::half_closeable, not_half_closeable> {
 public:
  explicit subject(machine& m) : machine_(m) {}
  void connection_made() override {
    machine_.events().add("made");
    machine_.script("made");
  }
  void data_received(std::span<const std::byte> data) override {
    machine_.events().data(data.size());
    if (!std::exchange(machine_.data_seen, true)) machine_.script("data");
  }
  void connection_lost(const failure& reason) override { machine_.lost(reason); }
  void read_connection_lost() override {
    machine_.events().add("read_lost");
    machine_.script("rlost");
  }
  void write_connection_lost() override {
    machine_.events().add("write_lost");
    machine_.script("wlost");
  }

 private:
  machine& machine_;
};

piecemeal::piecemeal(machine& m, net::production how, std::string_view spec) : machine_(m), how_(how) {
  const std::size_t first = spec.find(':');
  const std::size_t second = spec.find(':', first + 1);
  size_ = std::stoul(std::string(spec.substr(0, first)));
  left_ = std::stoul(std::string(spec.substr(first + 1, second - first - 1)));
  end_ = spec.substr(second + 1);
}

void piecemeal::begin() {
  running_ = true;
  machine_.transport().register_producer(*this, how_);
  if (how_ == net::production::push && running_) piece();
}

void piecemeal::resume_producing() {
  machine_.events().add("resume");
  running_ = true;
  piece();
}

void piecemeal::piece() {
  while (running_ && left_ != 0) {
    --left_;
    machine_.transport().write(std::string(size_, 'p'));
    if (how_ == net::production::pull) break;
  }
  if (running_ && left_ == 0) finish();
}

void piecemeal::finish() {
  if (std::exchange(ended_, true)) return;
  if (end_ == "fail") throw std::runtime_error("failed");
  if (end_ != "stay") machine_.transport().unregister_producer();
  if (end_ == "lose") machine_.step("lose");
}

void piecemeal::pause_producing() {
  machine_.events().add("pause");
  running_ = false;
}

void piecemeal::stop_producing() {
  machine_.events().add("stop");
  running_ = false;
  ended_ = true;
}

void machine::step(std::string_view operation) {
  if (operation == "lose") {
    lost_by_itself_ = lost_by_itself_ || !transport().disconnected();
    transport().lose_connection();
  } else if (operation == "abort") {
    transport().abort_connection();
  } else if (operation == "losew") {
    transport().lose_write_connection();
  } else if (operation == "pause") {
    transport().pause_producing();
  } else if (operation == "resume") {
    transport().resume_producing();
  } else if (operation == "unreg") {
    transport().unregister_producer();
  } else if (operation == "raise") {
    throw std::runtime_error("raised");
  } else if (operation.starts_with("push:")) {
    register_producer(net::production::push, operation.substr(5));
  } else if (operation.starts_with("pull:")) {
    register_producer(net::production::pull, operation.substr(5));
  } else if (operation.starts_with("w")) {
    transport().write(std::string(std::stoul(std::string(operation.substr(1))), 'w'));
  } else {
    throw std::invalid_argument("no operation: " + std::string(operation));
  }
}

task<> machine::peer_reads() {
  for (;;) {
    while (held_ || !peer_end_.empty()) {
      peer_may_read_.reset();
      co_await peer_may_read_.wait();
    }
    const auto chunk = co_await peer_->read_some().result();
    if (!chunk) {
      peer_end_ = "reset";
    } else if (chunk->empty()) {
      peer_end_ = "end";
    } else {
      peer_received_ += chunk->size();
    }
  }
}

// Time passes when nothing else can happen.
task<> machine::settle() {
  co_await sleep_for(std::chrono::seconds(1));
  trace_.flush();
  report_peer();
}

void machine::report_peer() {
  if (!shows_peer_ || held_) return;
  if (std::exchange(peer_reported_, peer_received_) != peer_received_) {
    trace_.add("peer " + std::to_string(peer_received_));
  }
  if (!peer_end_.empty()) {
    trace_.add("peer " + peer_end_);
    shows_peer_ = false;
  }
}

task<> machine::peer_step(std::string_view operation, net::memory_stream& peer) {
  if (operation == "hold") {
    held_ = true;
  } else if (operation == "release") {
    held_ = false;
    peer_may_read_.set();
  } else if (operation == "preset") {
    peer.abort();
    shows_peer_ = false;
  } else if (operation == "pshut") {
    static_cast<void>(co_await peer.shut_down_write().result());
  } else {
    const std::string bytes(std::stoul(std::string(operation.substr(2))), 'd');
    static_cast<void>(co_await peer.write_all(bytes).result());
  }
}

task<> machine::play(net::memory_stream& peer) {
  co_await settle();
  for (const std::string& operation : program_.scripts.at("main")) {
    if (operation == ".") {
      co_await settle();
    } else if (operation.starts_with("p") && !operation.starts_with("pause") && !operation.starts_with("pu")) {
      co_await peer_step(operation, peer);
    } else if (operation == "hold" || operation == "release") {
      co_await peer_step(operation, peer);
    } else {
      try {
        step(operation);
      } catch (const std::logic_error&) {
        trace_.add("misuse");
      } catch (const std::runtime_error& e) {
        trace_.add(e.what());
      }
    }
  }
  co_await settle();
}

task<> machine::run() {
  auto [own, peer] = net::make_memory_stream_pair();
  peer_ = &peer;
  if (program_.half_closeable) {
    protocol_ = std::make_shared<subject<true>>(*this);
  } else {
    protocol_ = std::make_shared<subject<false>>(*this);
  }
  net::memory_stream& stream = own;
  auto connection = [&] { return net::run_protocol(stream, protocol_); };
  auto reading = [&] { return peer_reads(); };
  net::memory_stream& other = peer;
  nursery n;
  auto body = [&]() -> task<> {
    n.start(std::ref(connection));
    n.start(std::ref(reading));
    co_await play(other);
    n.cancel();
  };
  co_await n.run(std::ref(body));
}

task<> run_programs() {
  testing::clock clock;
  clock.jump_when_idle();
  program p;
  while (read_program(std::cin, p)) {
    trace events;
    machine m(p, events);
    co_await m.run();
    const std::string text = "program " + p.number + '\n' + events.lines() + "end\n";
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  log::set_level(log::level::off);
  testing::run(run_programs);
}
