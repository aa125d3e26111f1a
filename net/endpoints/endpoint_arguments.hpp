// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <wring/core/detail/export.hpp>
#include <wring/core/duration.hpp>

namespace wring::net {

/// The text of an endpoint cannot be understood. what() has the text, the place in it, and what is wrong there.
class WRING_API endpoint_error : public std::invalid_argument {
 public:
  endpoint_error(std::string_view text, std::size_t position, std::string_view problem);
  endpoint_error(const endpoint_error&) noexcept = default;
  endpoint_error& operator=(const endpoint_error&) noexcept = default;
  ~endpoint_error() override;

  /// Bytes of the text before the part that is wrong.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  std::size_t position_;
};

/// Escapes what has a meaning in the text of an endpoint: `\`, `:` and `=`. For values that come from elsewhere.
[[nodiscard]] WRING_API std::string quote_endpoint_argument(std::string_view value);

/// The text of an endpoint, cut into its arguments, from which a kind of endpoint takes what it knows:
///
///     tcp:8080:interface=127.0.0.1     the kind, an argument by its position, one by its name
///
/// The parts end at `:`, a name at the first `=`, and `\` takes the next byte as it is. Arguments are taken in the
/// order of their positions. Each function throws endpoint_error, which names the argument, for one that is missing,
/// given twice or malformed.
class WRING_API endpoint_arguments {
 public:
  /// Throws endpoint_error if there is no kind, a name is empty or given twice, or the text ends with a lone `\`.
  explicit endpoint_arguments(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// In lower case.
  [[nodiscard]] const std::string& kind() const noexcept { return kind_; }

  /// Takes the argument that has this name, or stands at the next position.
  [[nodiscard]] std::optional<std::string> take(std::string_view name);
  /// The same for one that must be there, and not be empty.
  [[nodiscard]] std::string require(std::string_view name);
  /// The same for a port, 0 to 65535.
  [[nodiscard]] std::uint16_t require_port(std::string_view name);
  /// A number from `least` to `most`, or `otherwise` if there is none.
  [[nodiscard]] std::size_t take_number(std::string_view name, std::size_t otherwise, std::size_t least,
                                        std::size_t most);
  /// 1, yes, true, or 0, no, false.
  [[nodiscard]] bool take_flag(std::string_view name, bool otherwise);
  /// A time in seconds, with a fraction perhaps; more than zero.
  [[nodiscard]] duration take_seconds(std::string_view name, duration otherwise);
  /// Takes everything from the first argument without a name on, as it stands: the text of another endpoint, which this
  /// kind wraps. Call it before the others, to which the arguments before that are left.
  [[nodiscard]] std::string require_inner();

  /// Throws for an argument that nobody took.
  void finish() const;
  /// Throws endpoint_error for the argument of this name, or for the whole text if there is none.
  [[noreturn]] void refuse(std::string_view name, std::string_view problem) const;

 private:
  struct argument {
    std::string name;  // empty: it has a position
    std::string value;
    std::size_t position;
    bool taken = false;
  };
  [[nodiscard]] argument* find(std::string_view name);
  void add(argument made);

  std::string text_;
  std::string kind_;
  std::vector<argument> arguments_;
};

}  // namespace wring::net
