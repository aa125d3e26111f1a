// SPDX-License-Identifier: MIT
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/testing/task_test.hpp>
#include <wring/net/callback/connection_error.hpp>
#include <wring/protocols/websocket/message_protocol.hpp>

#include "site.hpp"

using namespace wring;
using namespace wring::tests::websocket;

namespace {

/// Notes what is called, and answers.
struct noting : ws::message_protocol {
  explicit noting(std::string& to) noexcept : notes(to) {}

  void negotiation_finished() override {
    notes += "made ";
    ping("are you there");
  }
  void text_message_received(std::string_view text) override {
    notes.append(text) += ' ';
    if (text == "throw") throw std::runtime_error("a callback's own");
    if (text == "close") return lose_connection(4000);
    send_text_message(text);
  }
  void bytes_message_received(std::span<const std::byte> bytes) override {
    notes += std::to_string(bytes.size()) + " bytes ";
    send_bytes_message(bytes);
  }
  void pong_received(std::span<const std::byte> payload) noexcept override {
    notes += "pong " + std::to_string(payload.size()) + " ";
  }
  void connection_lost(const failure& reason) override {
    notes += reason.get_if<net::connection_done>() != nullptr ? "done"
             : reason.get_if<io_error>() != nullptr           ? "lost"
                                                              : "thrown";
    send_text_message("nobody");
  }

  std::string& notes;
};

}  // namespace

TASK_TEST("callback code is called as Twisted's is", "[websocket]") {
  std::string notes;
  const auto routes = site_of([&](ws::socket& s) -> task<> {
    notes.clear();
    noting p(notes);
    co_await ws::run_protocol(s, p);
  });
  const std::string ping = sent_by_server(opcode::ping, "are you there");
  const auto talk = [&](std::string said, std::string expected) {
    return [&, said, expected](net::memory_stream& peer) -> task<> {
      co_await peer.write_all(said);
      const std::string all = ping + expected;
      const std::string got = co_await read_exactly(peer, all.size());
      CHECK(got == all);
    };
  };
  const auto orderly =
      talk(sent_by_client(opcode::pong, "are you there") + sent_by_client(opcode::text, "hello") +
               sent_by_client(opcode::binary, "abc") + sent_by_client(opcode::close, close_payload(1000)),
           sent_by_server(opcode::text, "hello") + sent_by_server(opcode::binary, "abc") +
               sent_by_server(opcode::close, close_payload(1000)));
  co_await converse_on(routes, std::ref(orderly));
  CHECK(notes == "made pong 13 hello 3 bytes done");
  const auto closing = talk(sent_by_client(opcode::text, "close"), sent_by_server(opcode::close, close_payload(4000)));
  co_await converse_on(routes, std::ref(closing));
  CHECK(notes.starts_with("made close "));
  const auto throwing = talk(sent_by_client(opcode::text, "throw") + sent_by_client(opcode::close, ""),
                             sent_by_server(opcode::close, close_payload(1011)));
  co_await converse_on(routes, std::ref(throwing));
  CHECK(notes == "made throw thrown");
  const auto broken = talk(sent_by_client(static_cast<opcode>(3), ""),
                           sent_by_server(opcode::close, close_payload(1002, "a frame has a reserved opcode")));
  co_await converse_on(routes, std::ref(broken));
  CHECK(notes == "made lost");
}
