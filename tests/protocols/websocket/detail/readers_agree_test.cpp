// SPDX-License-Identifier: MIT
// The reader beside wslay's, on the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>
#if __has_include(<wslay/wslay.h>)
#include <wslay/wslay.h>
#endif

#include <wring/protocols/websocket/detail/message_reader.hpp>

#include "../frames.hpp"

using namespace wring::ws::detail;
using namespace wring::tests::websocket;

#if __has_include(<wslay/wslay.h>)
namespace {

struct wslay_reading {
  std::string_view left;
  std::string events;
};

ssize_t wslay_receive(wslay_event_context* context, std::uint8_t* into, std::size_t size, int, void* user) {
  auto& reading = *static_cast<wslay_reading*>(user);
  if (reading.left.empty()) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  const std::size_t taken = std::min(size, reading.left.size());
  std::memcpy(into, reading.left.data(), taken);
  reading.left.remove_prefix(taken);
  return static_cast<ssize_t>(taken);
}

void wslay_message(wslay_event_context*, const wslay_event_on_msg_recv_arg* arg, void* user) {
  auto& reading = *static_cast<wslay_reading*>(user);
  const std::string text(reinterpret_cast<const char*>(arg->msg), arg->msg_length);
  switch (arg->opcode) {
    case WSLAY_TEXT_FRAME:
      reading.events += "text(" + text + ") ";
      break;
    case WSLAY_BINARY_FRAME:
      reading.events += "binary(" + text + ") ";
      break;
    case WSLAY_PING:
      reading.events += "ping(" + text + ") ";
      break;
    case WSLAY_PONG:
      reading.events += "pong(" + text + ") ";
      break;
    case WSLAY_CONNECTION_CLOSE:
      reading.events += "close " + std::to_string(arg->status_code == 0 ? 1005 : arg->status_code) + "(" +
                        (text.size() > 2 ? text.substr(2) : "") + ") ";
      break;
    default:
      break;
  }
}

/// What wslay makes of it, in the words of read_in_pieces.
std::string read_by_wslay(side own, std::string_view all, std::uint64_t limit) {
  wslay_reading reading{all, {}};
  wslay_event_callbacks calls{};
  calls.recv_callback = wslay_receive;
  calls.on_msg_recv_callback = wslay_message;
  wslay_event_context* context = nullptr;
  REQUIRE((own == side::server ? wslay_event_context_server_init(&context, &calls, &reading)
                               : wslay_event_context_client_init(&context, &calls, &reading)) == 0);
  wslay_event_config_set_max_recv_msg_length(context, limit);
  static_cast<void>(wslay_event_recv(context));
  const bool reads = wslay_event_get_read_enabled(context) != 0;
  std::string events = reading.events;
  const bool closed = events.find("close ") != std::string::npos;
  wslay_event_context_free(context);
  if (!reads && !closed) return events + "refused";
  return events;
}

std::string without_code(std::string events) {
  const std::size_t at = events.find("refused");
  if (at != std::string::npos) events.resize(at + 7);
  return events;
}

}  // namespace

TEST_CASE("wslay reads the same", "[websocket]") {
  std::mt19937 random(3);
  const opcode all[] = {opcode::continuation, opcode::text,  opcode::binary,        opcode::ping,
                        opcode::pong,         opcode::close, static_cast<opcode>(3)};
  unsigned refused = 0;
  unsigned messages = 0;
  for (unsigned round = 0; round != 4000; ++round) {
    const side from = round % 2 == 0 ? side::server : side::client;
    std::string bytes;
    bool in_message = false;
    const std::size_t frames = 1 + random() % 6;
    for (std::size_t i = 0; i != frames; ++i) {
      // Mostly what may follow.
      opcode o = all[random() % 5];
      if (random() % 12 == 0) {
        o = all[random() % 7];
      } else if (!is_control(o)) {
        o = in_message ? opcode::continuation : random() % 2 == 0 ? opcode::text : opcode::binary;
      }
      const bool final = is_control(o) ? random() % 30 != 0 : random() % 2 == 0;
      if (!is_control(o)) in_message = !final;
      std::string payload(random() % 10 == 0 ? random() % 300 : random() % 20, 'x');
      if (is_control(o) && random() % 20 != 0) payload.resize(payload.size() % 126);
      if (random() % 10 == 0 && !payload.empty()) payload[random() % payload.size()] = static_cast<char>(random());
      // wslay takes half a code for none.
      if (o == opcode::close && payload.size() == 1) payload.clear();
      // It knows the codes that RFC 6455 has itself.
      if (o == opcode::close && payload.size() >= 2 && random() % 4 != 0) {
        payload[0] = '\x03';
        payload[1] = static_cast<char>(0xe8 + random() % 12);
      }
      bytes += frame(from, o, payload, final);
    }
    if (random() % 20 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
    const std::string ours = without_code(read_in_pieces(other(from), bytes, {.message = 400}, false, {}));
    const std::string theirs = read_by_wslay(other(from), bytes, 400);
    if (ours != theirs) FAIL("round " << round << ": " << ours << " and " << theirs);
    if (ours.ends_with("refused")) ++refused;
    if (ours.find("t(") != std::string::npos) ++messages;
  }
  CHECK(refused > 200);
  CHECK(messages > 200);
}
#else
TEST_CASE("wslay reads the same", "[websocket]") { SKIP("libwslay-dev is not installed"); }
#endif
