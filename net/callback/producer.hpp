// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <wring/core/detail/export.hpp>

namespace wring::net {

/// Makes bytes for a consumer, such as a transport, as fast as that takes them.
class WRING_API producer {
 public:
  virtual ~producer();

  /// A push producer may go on; a pull producer writes the next piece now.
  virtual void resume_producing() = 0;
  /// Write nothing until resume_producing(). Only push producers are paused.
  virtual void pause_producing() {}
  /// The consumer takes nothing more, and has forgotten this producer.
  virtual void stop_producing() = 0;
};

/// How a producer works.
enum class production : std::uint8_t {
  push,  ///< writes by itself, until it is paused
  pull,  ///< writes one piece each time it is resumed
};

/// What producers write to.
class WRING_API consumer {
 public:
  virtual ~consumer();

  /// Attaches `p`, which must exist until it is unregistered or told to stop. A pull producer is resumed at once. A
  /// consumer that takes nothing more tells it to stop instead. Throws std::logic_error if there is one already.
  virtual void register_producer(producer& p, production how) = 0;
  /// The producer has written all it has. Does nothing if there is none.
  virtual void unregister_producer() = 0;
  /// Takes a copy of `data`.
  virtual void write(std::span<const std::byte> data) = 0;
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
};

}  // namespace wring::net
