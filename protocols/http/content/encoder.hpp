// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace wring::http {

class response;

/// What an answer's body goes through on its way to the client, such as a compression: see `response::encode_with`. For
/// one answer at a time, on its scheduler.
class encoder {
 public:
  /// What has to be done besides taking input.
  enum class until : std::uint8_t {
    more,  ///< nothing: more follows
    now,   ///< all that was taken can be decoded from what comes out
    end,   ///< nothing follows
  };
  struct progress {
    std::size_t taken;  ///< bytes of the input
    std::size_t made;   ///< bytes of the output
    bool done;          ///< all of the input was taken, and what `until` says was done; otherwise there was no room
  };

  /// Called once, when the answer's head is complete and has not been sent. Whether the body is to be encoded; if so,
  /// it has set the fields that say this, and the Content-Length will be left out or computed anew.
  [[nodiscard]] virtual bool begin(response& rs) = 0;
  /// Encodes some bytes. Called again, with the rest of the input, until it is done.
  [[nodiscard]] virtual progress encode(std::span<const std::byte> in, std::span<std::byte> out, until what) = 0;

 protected:
  encoder() = default;
  encoder(const encoder&) = delete;
  encoder& operator=(const encoder&) = delete;
  ~encoder() = default;
};

}  // namespace wring::http
