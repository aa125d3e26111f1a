// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <wring/core/duration.hpp>
#include <wring/net/connector.hpp>
#include <wring/net/ip_address.hpp>
#include <wring/net/tcp_listener.hpp>

namespace examples {

/// The command line of an example: a line for each option, from which its `--help` is generated too.
///
///     settings chosen;
///     examples::options options("Sends back what it is sent.");
///     options.listen(chosen.listen);
///     options.time("--grace", chosen.serve.grace, "how long connections may continue");
///     options.read(argc, argv);
///
/// A name with two dashes is that of an option, given as `--name VALUE` or `--name=VALUE`; a flag may also be a letter
/// with one dash. Any other name, in capitals by custom, is that of an argument: these are taken in the order of
/// declaration. The variable holds the default when it is declared, which the help shows, and is written by read(): it
/// must outlive that.
class options {
 public:
  /// An error in a command line: names the option, what it takes, and what was given.
  class bad_usage : public std::runtime_error {
    using runtime_error::runtime_error;
  };

  /// `purpose` is what the program does, in one or more sentences.
  explicit options(std::string_view purpose);
  ~options();
  options(const options&) = delete;
  options& operator=(const options&) = delete;

  /// `--host` and `--port`: where a server listens.
  void listen(wring::net::tcp_listen_options& value);

  /// An IP address.
  void address(std::string_view name, wring::net::ip_address& value, std::string_view what);
  /// From 0 to 65535.
  void port(std::string_view name, std::uint16_t& value, std::string_view what);
  void port(std::string_view name, std::optional<std::uint16_t>& value, std::string_view what);
  /// A host, by its name or address, and a port. The target's host is a part of the command line.
  void target(std::string_view name, wring::net::connect_target& value, std::string_view what);
  /// All arguments that follow, at least one, each as for target(). Declare it last.
  void targets(std::string_view name, std::vector<wring::net::connect_target>& value, std::string_view what);
  /// A length of time, `least` or more: `500ms`, `2.5s`, `3min`, `1h`, `never`. A number alone is one of seconds.
  void time(std::string_view name, wring::duration& value, std::string_view what, wring::duration least = {});
  /// A number of bytes from `least` to `most`: `512`, `64KiB`, `1MiB`, `2GiB`.
  template <std::unsigned_integral Number>
  void size(std::string_view name, Number& value, std::string_view what, std::type_identity_t<Number> least = 0,
            std::type_identity_t<Number> most = std::numeric_limits<Number>::max()) {
    add_size(name, what, {&value, &store<Number>, value, least, most});
  }
  /// A whole number from `least` to `most`.
  template <std::unsigned_integral Number>
  void count(std::string_view name, Number& value, std::string_view what, std::type_identity_t<Number> least = 0,
             std::type_identity_t<Number> most = std::numeric_limits<Number>::max()) {
    add_count(name, what, {&value, &store<Number>, value, least, most});
  }
  /// Any text.
  void text(std::string_view name, std::string& value, std::string_view what);
  void text(std::string_view name, std::optional<std::string>& value, std::string_view what);
  /// Has no value: sets `value` to true. The name may be a letter with one dash: `-v`.
  void flag(std::string_view name, bool& value, std::string_view what);
  /// All arguments that follow, at least one. Declare it last.
  void list(std::string_view name, std::vector<std::string>& value, std::string_view what);

  /// A command to try, which the help shows as it is.
  void sample(std::string_view command);

  /// The option or argument of this name, declared before, must be given.
  void require(std::string_view name);

  /// Reads the command line. Where it asks for help, prints that and exits with 0; where it is wrong, prints why and
  /// exits with 2.
  void read(int argc, char** argv);
  /// As read(), but it never exits: false where help is asked for, bad_usage where something is wrong.
  [[nodiscard]] bool parse(int argc, char** argv);
  /// The help, for a program that is called so.
  [[nodiscard]] std::string help(std::string_view program) const;

 private:
  struct entry;

  /// Where a number of any type is, and what it may be.
  struct number_slot {
    void* value;
    void (*store)(void* value, std::uint64_t given);
    std::uint64_t current;
    std::uint64_t least;
    std::uint64_t most;
  };
  template <class Number>
  static void store(void* value, std::uint64_t given) {
    *static_cast<Number*>(value) = static_cast<Number>(given);
  }

  void add(entry added);
  void add_size(std::string_view name, std::string_view what, number_slot slot);
  void add_count(std::string_view name, std::string_view what, number_slot slot);
  void take(entry& taker, std::string_view given);

  std::string purpose_;
  std::vector<std::string> samples_;
  std::vector<entry> entries_;
};

}  // namespace examples
