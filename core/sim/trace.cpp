// SPDX-License-Identifier: MIT
#include <cstring>
#include <initializer_list>
#include <string>

#include <fmt/format.h>

#include <wring/core/engine/op_code.hpp>
#include <wring/core/sim/faults.hpp>
#include <wring/core/sim/trace.hpp>

namespace wring::sim {

namespace {

/// A number, or the name of an error.
std::string result_text(std::int64_t result) {
  const char* const name = result < 0 ? ::strerrorname_np(static_cast<int>(-result)) : nullptr;
  return name != nullptr ? std::string(name) : std::to_string(result);
}

}  // namespace

std::string trace::to_string(const event& e) const {
  const auto name = [this](std::int64_t host) -> std::string_view {
    return static_cast<std::size_t>(host) < hosts_.size() ? std::string_view(hosts_[static_cast<std::size_t>(host)])
                                                          : "?";
  };
  const std::string front =
      fmt::format("{:>5}.{:09} {:<10} ", e.time / 1'000'000'000, e.time % 1'000'000'000, name(e.host));
  switch (e.kind) {
    case kind::started:
      return front + "its program starts";
    case kind::ended:
      return front + fmt::format("its program has ended with {}", e.a);
    case kind::turn:
      return front + fmt::format("a turn resumes {}", e.a);
    case kind::completed:
      return front +
             fmt::format("{} on {} gives {}", wring::to_string(static_cast<op_code>(e.a)), e.b, result_text(e.c));
    case kind::called: {
      static constexpr const char* which[] = {"socket", "bind", "listen", "shutdown", "close"};
      return front + fmt::format("{} on {} gives {}", which[e.a], e.b, result_text(e.c));
    }
    case kind::sent: {
      static constexpr const char* what[] = {"data", "end", "reset", "accept", "connect"};
      return front + fmt::format("sends {} ({} bytes) on connection {}", what[e.b], e.c, e.a);
    }
    case kind::fault:
      return front + fmt::format("fault: {} #{}", sim::to_string(static_cast<sim::fault>(e.a)), e.b);
    case kind::partitioned:
      return front + fmt::format("is separated from {}", name(e.b));
    case kind::healed:
      return front + fmt::format("reaches {} again", name(e.b));
    case kind::datagram:
      return front + fmt::format("sends a datagram ({} bytes) to {}, port {}", e.c, name(e.a), e.b);
    case kind::dropped:
      return front + fmt::format("a datagram ({} bytes) to port {} is dropped", e.c, e.a);
    case kind::sent_locally:
      return front + fmt::format("sends {} ({} bytes) from Unix socket {}", e.b != 0 ? "a datagram" : "data", e.c, e.a);
  }
  return front;
}

void trace::add(const event& e) {
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(e.time), (std::uint64_t{e.host} << 8) | static_cast<std::uint64_t>(e.kind),
        static_cast<std::uint64_t>(e.a), static_cast<std::uint64_t>(e.b), static_cast<std::uint64_t>(e.c)}) {
    hash_ = (hash_ ^ part) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
  }
  if (sink_) sink_(to_string(e));
  if (earlier_ != nullptr && !divergence_) {
    if (events_ >= earlier_->kept_.size()) {
      divergence_ =
          fmt::format("event {}: the earlier run had ended, this one goes on with\n  {}", events_, to_string(e));
    } else if (const event& before = earlier_->kept_[events_]; before != e) {
      divergence_ = fmt::format("event {}: before\n  {}\nand now\n  {}", events_, to_string(before), to_string(e));
    }
  }
  ++events_;
  if (keeps_) kept_.push_back(e);
}

void trace::ended() {
  if (earlier_ == nullptr || divergence_ || events_ >= earlier_->kept_.size()) return;
  divergence_ = fmt::format("event {}: this run has ended, the earlier one went on with\n  {}", events_,
                            to_string(earlier_->kept_[events_]));
}

}  // namespace wring::sim
