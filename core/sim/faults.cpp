// SPDX-License-Identifier: MIT
#include <wring/core/sim/faults.hpp>

namespace wring::sim {

const char* to_string(fault f) noexcept {
  switch (f) {
    case fault::loss:
      return "loss";
    case fault::partial_send:
      return "partial send";
    case fault::partial_receive:
      return "partial receive";
    case fault::no_room:
      return "no room";
    case fault::late:
      return "late";
    case fault::reorder:
      return "reorder";
    case fault::stop_succeeds:
      return "stop succeeds";
    case fault::early_end:
      return "early end";
    case fault::reset:
      return "reset";
    case fault::half_open:
      return "half open";
    case fault::clog:
      return "clog";
    case fault::partition:
      return "partition";
    case fault::datagram_loss:
      return "datagram loss";
    case fault::datagram_twice:
      return "datagram twice";
    case fault::datagram_late:
      return "datagram late";
  }
  return "?";
}

fault_options fault_options::all() noexcept {
  using namespace std::chrono_literals;
  return {.loss = 10'000,
          .partial_send = 100'000,
          .partial_receive = 100'000,
          .no_room = 50'000,
          .late = 50'000,
          .latest = 5ms,
          .reorder = 200'000,
          .stop_succeeds = 300'000,
          .early_end = 50'000,
          .reset = 1'000,
          .half_open = 500,
          .clog_every = 5s,
          .clog_lasts = 500ms,
          .partition_every = 20s,
          .partition_lasts = 5s,
          .datagram_loss = 20'000,
          .datagram_twice = 20'000,
          .datagram_late = 50'000};
}

bool fault_options::has(fault f) const noexcept {
  switch (f) {
    case fault::loss:
      return loss != 0;
    case fault::partial_send:
      return partial_send != 0;
    case fault::partial_receive:
      return partial_receive != 0;
    case fault::no_room:
      return no_room != 0;
    case fault::late:
      return late != 0;
    case fault::reorder:
      return reorder != 0;
    case fault::stop_succeeds:
      return stop_succeeds != 0;
    case fault::early_end:
      return early_end != 0;
    case fault::reset:
      return reset != 0;
    case fault::half_open:
      return half_open != 0;
    case fault::clog:
      return clog_every != forever;
    case fault::partition:
      return partition_every != forever;
    case fault::datagram_loss:
      return datagram_loss != 0;
    case fault::datagram_twice:
      return datagram_twice != 0;
    case fault::datagram_late:
      return datagram_late != 0;
  }
  return false;
}

}  // namespace wring::sim
