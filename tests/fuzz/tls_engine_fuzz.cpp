// SPDX-License-Identifier: MIT
// Any bytes as records of TLS, in memory: to a server, to a client, or in a conversation of both whose records are
// changed, cut, repeated and preceded by others on their way. An engine that has failed stays so, nothing grows without
// a limit, and what is decrypted is what was encrypted, or its beginning. The first bytes of the input say what
// happens.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <openssl/rand.h>
#include <span>
#include <string_view>
#include <vector>

#include <wring/core/buffer_lease.hpp>
#include <wring/net/tls/certificate.hpp>
#include <wring/net/tls/client_context.hpp>
#include <wring/net/tls/detail/context_state.hpp>
#include <wring/net/tls/detail/tls_engine.hpp>
#include <wring/net/tls/server_context.hpp>
#include <wring/net/tls/trusted_roots.hpp>

namespace {

namespace tls = wring::net::tls;
using tls::detail::tls_engine;
using tls::detail::tls_step;
using bytes = std::vector<std::byte>;

void check(bool holds) {
  if (!holds) std::abort();
}

/// Random numbers that are the same for each input, so that what was found is found again.
class fixed_random {
 public:
  static void install() {
    static const RAND_METHOD method{
        .seed = nullptr, .bytes = &fill, .cleanup = nullptr, .add = nullptr, .pseudorand = &fill, .status = [] {
          return 1;
        }};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    check(RAND_set_rand_method(&method) == 1);
#pragma GCC diagnostic pop
  }
  static void restart() noexcept { state = 1; }

 private:
  static int fill(unsigned char* into, int size) noexcept {
    for (int i = 0; i < size; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      into[i] = static_cast<unsigned char>(state >> 56U);
    }
    return 1;
  }
  static inline std::uint64_t state = 1;
};

struct contexts {
  contexts() {
    fixed_random::install();
    const tls::certificate own = tls::certificate::self_signed({"localhost"});
    const auto roots = tls::trusted_roots::from_pem(own.pem());
    for (const auto version : {tls::protocol_version::tls_1_2, tls::protocol_version::tls_1_3}) {
      servers.emplace_back(tls::server_settings(own).versions(version, version));
      clients.emplace_back(tls::client_settings().trust(roots).versions(version, version));
      // Certificates of both sides, and protocols.
      servers.emplace_back(tls::server_settings(own)
                               .versions(version, version)
                               .protocols({"h2", "http/1.1"})
                               .verify_clients(tls::client_certificates::required, roots));
      clients.emplace_back(
          tls::client_settings().trust(roots).versions(version, version).protocols({"http/1.1"}).present(own));
    }
  }

  std::vector<tls::server_context> servers;
  std::vector<tls::client_context> clients;
};

const contexts& all_contexts() {
  static const contexts all;
  return all;
}

/// What is left of the input; zeros behind its end.
class choices {
 public:
  explicit choices(std::span<const std::byte> left) noexcept : left_(left) {}
  [[nodiscard]] std::size_t next() noexcept {
    if (left_.empty()) return 0;
    const auto value = std::to_integer<std::size_t>(left_.front());
    left_ = left_.subspan(1);
    return value;
  }
  [[nodiscard]] std::span<const std::byte> take(std::size_t count) noexcept {
    const auto taken = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

 private:
  std::span<const std::byte> left_;
};

/// One end of a conversation.
struct end {
  tls_engine engine;
  bytes received;       // what is decrypted
  bool shaken = false;  // the handshake is done
  bool over = false;
};

constexpr std::string_view said = "what one end says to the other, more than once";
constexpr std::size_t most_output = 256 * 1024;

/// Has it do what it can with what it was fed. Returns what it puts out.
bytes advance(end& e) {
  if (!e.over && !e.shaken) {
    const tls_step step = e.engine.handshake();
    check(step != tls_step::ended);
    e.over = step == tls_step::failed;
    if (step == tls_step::done) {
      e.shaken = true;
      static_cast<void>(e.engine.security());
      static_cast<void>(e.engine.peer_chain());
      check(e.engine.write(std::as_bytes(std::span(said))) == tls_step::done);
    }
  }
  std::byte into[300];
  for (unsigned i = 0; e.shaken && !e.over && i != 1000; ++i) {
    std::size_t count = 0;
    const tls_step step = e.engine.read(into, count);
    if (step == tls_step::wants_input) break;
    if (step == tls_step::done) {
      check(count != 0 && count <= sizeof into);
      e.received.insert(e.received.end(), into, into + count);
    } else {
      e.over = true;
    }
  }
  if (e.engine.failed()) {
    std::size_t count = 0;
    check(e.engine.handshake() == tls_step::failed && e.engine.read(into, count) == tls_step::failed &&
          e.engine.write(std::as_bytes(std::span(said))) == tls_step::failed);
    check(e.engine.fault().message().size() > 10);
  }
  e.engine.release_input();
  e.engine.free_buffers();
  bytes out;
  if (e.engine.has_output()) {
    const wring::buffer_lease lease = e.engine.take_output();
    out.assign(lease.data(), lease.data() + lease.size());
  }
  check(out.size() <= most_output);
  return out;
}

void feed(end& e, std::span<const std::byte> more) {
  if (e.over || more.empty()) return;
  if (!e.engine.has_input()) {
    e.engine.feed(wring::buffer_lease::copy_of(more));
    return;
  }
  const wring::buffer_lease before = e.engine.take_input();
  bytes all(before.data(), before.data() + before.size());
  all.insert(all.end(), more.begin(), more.end());
  e.engine.feed(wring::buffer_lease::copy_of(all));
}

/// The input itself, in pieces.
void feed_raw(end& e, choices& input) {
  const std::size_t piece = 1 + input.next() * 4;
  static_cast<void>(advance(e));
  while (!input.empty() && !e.over) {
    feed(e, input.take(piece));
    static_cast<void>(advance(e));
  }
}

/// Does something to what is on its way, now and then.
void interfere(bytes& way, choices& input) {
  if (way.empty()) return;
  const std::size_t what = input.next();
  const std::size_t at = (input.next() << 8U | input.next()) % way.size();
  const auto here = way.begin() + static_cast<std::ptrdiff_t>(at);
  switch (what) {
    case 1:
      way[at] ^= static_cast<std::byte>(input.next() | 1U);
      break;
    case 2:
      way.erase(here, way.end());
      break;
    case 3: {
      const auto more = input.take(input.next());
      way.insert(here, more.begin(), more.end());
      break;
    }
    case 4: {
      const bytes again(way);
      way.insert(way.end(), again.begin(), again.end());
      break;
    }
    case 5: {
      const auto first = input.take(input.next());
      way.insert(way.begin(), first.begin(), first.end());
      break;
    }
    default:
      break;
  }
}

void converse(end& client, end& server, choices& input) {
  for (unsigned round = 0; round != 12; ++round) {
    bytes way = advance(client);
    interfere(way, input);
    feed(server, way);
    bytes back = advance(server);
    interfere(back, input);
    feed(client, back);
    if (way.empty() && back.empty() && round != 0) break;
    if (round == 6 && client.shaken && !client.engine.failed()) static_cast<void>(client.engine.shut_down());
  }
  const auto begins = [](const bytes& received) {
    return received.size() <= said.size() && std::memcmp(received.data(), said.data(), received.size()) == 0;
  };
  check((client.received.empty() || begins(client.received)) && (server.received.empty() || begins(server.received)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const contexts& all = all_contexts();
  fixed_random::restart();
  choices input(std::as_bytes(std::span(data, size)));
  const std::size_t which = input.next();
  const std::size_t pair = which / 4 % all.servers.size();
  end client;
  end server;
  if (which % 4 != 1) server.engine.begin(all.servers[pair].state());
  if (which % 4 != 0) client.engine.begin(all.clients[pair].state(), "localhost");
  if (which % 4 == 0) {
    feed_raw(server, input);
  } else if (which % 4 == 1) {
    feed_raw(client, input);
  } else {
    converse(client, server, input);
  }
  return 0;
}
