// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <wring/core/detail/export.hpp>
#include <wring/protocols/http/fields.hpp>
#include <wring/protocols/websocket/detail/frame.hpp>
#include <wring/protocols/websocket/options.hpp>

namespace wring::ws::detail {

/// What both sides have agreed on (RFC 7692, section 7.1).
struct deflate_terms {
  /// Of what that side sends: the logarithm of how far back it may refer, and whether beyond a message.
  struct direction {
    std::uint8_t window_bits = 15;
    bool keeps_context = true;
  };

  direction server;
  direction client;
};

/// A server's choice of what the client offers; none if it offers nothing that can be taken.
[[nodiscard]] WRING_API std::optional<deflate_terms> choose_deflate(const http::fields& headers, compression how);
/// What it answers.
[[nodiscard]] WRING_API std::string deflate_answer(const deflate_terms& terms);
/// What a client offers.
[[nodiscard]] WRING_API std::string_view deflate_offer(compression how) noexcept;
/// What a server has answered to that; `wrong` if it is no answer to it.
struct deflate_answered {
  std::optional<deflate_terms> terms;
  bool wrong = false;
};
[[nodiscard]] WRING_API deflate_answered read_deflate_answer(const http::fields& headers, compression how);

/// Compresses what one side sends. Its memory is taken when it is first used; without a context, that of the thread's
/// one compressor for such messages is used, where they are compressed at once.
class WRING_API deflater {
 public:
  explicit deflater(deflate_terms::direction d) noexcept : terms_(d) {}

  /// Compresses a message at once that refers to none before, as the last piece of one is compressed.
  [[nodiscard]] static std::size_t compress_alone(std::uint8_t window_bits, std::span<const std::byte> bytes,
                                                  std::byte* out);
  [[nodiscard]] const deflate_terms::direction& terms() const noexcept { return terms_; }
  /// Gives the memory back, between messages: the next one refers to none before.
  void forget() noexcept { state_.reset(); }
  /// The most bytes that so many become.
  [[nodiscard]] static std::size_t most(std::size_t size) noexcept;
  /// Compresses some of a message into `out`, which has room for most(bytes.size()). The last does not have the four
  /// bytes that every message would end with. Returns the size. Throws std::bad_alloc.
  [[nodiscard]] std::size_t compress(std::span<const std::byte> bytes, bool last, std::byte* out);

 private:
  struct state;
  struct deleter {
    void operator()(state* s) const noexcept;
  };
  using owned = std::unique_ptr<state, deleter>;

  [[nodiscard]] static owned make(std::uint8_t window_bits);
  [[nodiscard]] static std::size_t run(state& s, std::span<const std::byte> bytes, bool last, std::byte* out);

  deflate_terms::direction terms_;
  owned state_;
};

/// Decompresses what the other side sends. Its memory is taken when it is first used.
class WRING_API inflater {
 public:
  enum class status : std::uint8_t { more_room, done, broken };
  struct step {
    status state;
    std::size_t written;
  };

  explicit inflater(deflate_terms::direction d) noexcept : terms_(d) {}

  /// The next bytes of a message, which must stay until inflate() has returned done; `last`: they end it.
  void feed(std::span<const std::byte> bytes, bool last) noexcept {
    input_ = bytes;
    last_ = last;
    tail_fed_ = false;
  }
  /// Fills `out`. `more_room`: there may be more, call again. Throws std::bad_alloc.
  [[nodiscard]] step inflate(std::span<std::byte> out);

 private:
  struct state;
  struct deleter {
    void operator()(state* s) const noexcept;
  };

  deflate_terms::direction terms_;
  std::unique_ptr<state, deleter> state_;
  std::span<const std::byte> input_;
  bool last_ = false;
  bool tail_fed_ = false;
};

}  // namespace wring::ws::detail
