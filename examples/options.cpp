// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <getopt.h>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <wring/net/socket_address.hpp>

namespace examples {

namespace net = wring::net;

struct options::entry {
  std::string_view name;
  std::string_view what;
  std::string_view value;  // what the help calls it; a flag has none
  std::string initially = {};
  std::function<void(std::string_view given)> set;
  bool is_required = false;
  bool is_list = false;
  bool was_given = false;

  [[nodiscard]] bool is_option() const { return name.starts_with('-'); }
  /// A letter with one dash.
  [[nodiscard]] bool is_short() const { return is_option() && name.size() == 2; }

  /// As it stands on the command line.
  [[nodiscard]] std::string usage() const {
    if (is_list) return fmt::format("{}...", name);
    return is_option() && !value.empty() ? fmt::format("{} {}", name, value) : std::string(name);
  }
};

namespace {

struct unit {
  std::string_view name;
  std::uint64_t count;
};

constexpr std::array<unit, 6> time_units = {{{"h", 3'600'000'000'000},
                                             {"min", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1000},
                                             {"ns", 1}}};
constexpr std::array<unit, 5> size_units = {{{"GiB", std::uint64_t{1} << 30},
                                             {"MiB", std::uint64_t{1} << 20},
                                             {"KiB", std::uint64_t{1} << 10},
                                             {"B", 1},
                                             {"", 1}}};

/// In the largest unit that yields a whole number.
std::string in_units(std::uint64_t count, const auto& units) {
  if (count == 0) return "0";
  const auto fits = [&](const unit& u) { return count % u.count == 0; };
  const unit& largest = *std::ranges::find_if(units, fits);
  return fmt::format("{}{}", count / largest.count, largest.name);
}

std::string time_text(wring::duration time) {
  return time == wring::forever ? "never" : in_units(static_cast<std::uint64_t>(time.count()), time_units);
}

std::string size_text(std::uint64_t size) {
  return size % 1024 == 0 ? in_units(size, size_units) : fmt::to_string(size);
}

/// The number that `text` begins with, and what follows it.
template <class Number, class... Format>
std::optional<std::pair<Number, std::string_view>> leading_number(std::string_view text, Format... format) {
  Number number = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;  // no sign, and no "nan"
  const char* const end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, number, format...);
  if (problem != std::errc()) return std::nullopt;
  return std::pair(number, std::string_view(rest, static_cast<std::size_t>(end - rest)));
}

std::optional<std::uint64_t> read_count(std::string_view text) {
  const auto found = leading_number<std::uint64_t>(text);
  if (!found || !found->second.empty()) return std::nullopt;
  return found->first;
}

std::optional<std::uint64_t> read_size(std::string_view text) {
  const auto found = leading_number<std::uint64_t>(text);
  if (!found) return std::nullopt;
  const auto* const named = std::ranges::find(size_units, found->second, &unit::name);
  std::uint64_t bytes = 0;
  if (named == size_units.end() || __builtin_mul_overflow(found->first, named->count, &bytes)) return std::nullopt;
  return bytes;
}

std::optional<wring::duration> read_time(std::string_view text) {
  if (text == "never") return wring::forever;
  const auto found = leading_number<double>(text, std::chars_format::fixed);
  if (!found) return std::nullopt;
  const std::string_view name = found->second.empty() ? "s" : found->second;
  const auto* const named = std::ranges::find(time_units, name, &unit::name);
  if (named == time_units.end()) return std::nullopt;
  return std::chrono::duration<double, std::nano>(found->first * static_cast<double>(named->count));
}

[[noreturn]] void refuse(std::string_view name, std::string_view what_it_takes, std::string_view given) {
  const std::string_view verb = name.starts_with('-') ? "takes" : "is";
  throw options::bad_usage(fmt::format("{} {} {}, not '{}'", name, verb, what_it_takes, given));
}

net::connect_target read_target(std::string_view name, std::string_view given) {
  const auto colon = std::min(given.rfind(':'), given.size());
  std::string_view host = given.substr(0, colon);
  const std::string_view digits = given.substr(std::min(colon + 1, given.size()));
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  const bool is_v6 = host.find(':') != std::string_view::npos;
  if (host.empty() || is_v6 != in_brackets || problem != std::errc() || end != digits.data() + digits.size()) {
    refuse(name, "a host and a port, such as www.example.org:80 or [2001:db8::1]:80", given);
  }
  return {.host = host, .port = port};
}

/// Appends `text`, at most 80 columns wide, to a line that is at column `indent` already.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  constexpr std::size_t width = 80;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > indent && column + 1 + word.size() > width) {
      out += fmt::format("\n{:{}}", "", indent);
      column = indent;
    }
    if (column > indent) out += ' ';
    out += word;
    column += word.size() + (column > indent ? 1 : 0);
  }
  out += '\n';
}

}  // namespace

options::options(std::string_view purpose) : purpose_(purpose) {}
options::~options() = default;

void options::add(entry added) { entries_.push_back(std::move(added)); }

void options::sample(std::string_view command) { samples_.emplace_back(command); }

void options::listen(net::tcp_listen_options& value) {
  address("--host", value.address, "the address to listen on; :: is all of this host's");
  port("--port", value.port, "the port to listen on; 0 is any free one");
}

void options::address(std::string_view name, net::ip_address& value, std::string_view what) {
  add({.name = name,
       .what = what,
       .value = "ADDRESS",
       .initially = fmt::format("{}", value),
       .set = [=, &value](auto given) {
         const auto parsed = net::ip_address::parse(given);
         if (!parsed) throw bad_usage(fmt::format("{}: {}", name, parsed.error()));
         value = *parsed;
       }});
}

void options::port(std::string_view name, std::uint16_t& value, std::string_view what) {
  count(name, value, what);
  entries_.back().value = "PORT";
}

void options::port(std::string_view name, std::optional<std::uint16_t>& value, std::string_view what) {
  add({.name = name, .what = what, .value = "PORT", .set = [=, &value](auto given) {
         const auto read = read_count(given);
         if (!read || *read > 65535) refuse(name, "a number from 0 to 65535", given);
         value = static_cast<std::uint16_t>(*read);
       }});
}

void options::target(std::string_view name, net::connect_target& value, std::string_view what) {
  add({.name = name, .what = what, .value = "HOST:PORT", .set = [=, &value](auto given) {
         value = read_target(name, given);
       }});
}

void options::targets(std::string_view name, std::vector<net::connect_target>& value, std::string_view what) {
  add({.name = name,
       .what = what,
       .value = name,
       .set = [=, &value](auto given) { value.push_back(read_target(name, given)); },
       .is_required = true,
       .is_list = true});
}

void options::time(std::string_view name, wring::duration& value, std::string_view what, wring::duration least) {
  add({.name = name, .what = what, .value = "TIME", .initially = time_text(value), .set = [=, &value](auto given) {
         const auto read = read_time(given);
         if (read && *read >= least) {
           value = *read;
           return;
         }
         const std::string bound = least > wring::duration() ? fmt::format(" of {} or more", time_text(least)) : "";
         refuse(name, fmt::format("a time{}, such as 500ms, 2s or 3min", bound), given);
       }});
}

void options::add_size(std::string_view name, std::string_view what, number_slot slot) {
  add({.name = name, .what = what, .value = "SIZE", .initially = size_text(slot.current), .set = [=](auto given) {
         const auto read = read_size(given);
         if (read && *read >= slot.least && *read <= slot.most) return slot.store(slot.value, *read);
         refuse(name,
                fmt::format("a size from {} to {}, such as 64KiB or 1MiB", size_text(slot.least), size_text(slot.most)),
                given);
       }});
}

void options::add_count(std::string_view name, std::string_view what, number_slot slot) {
  add({.name = name,
       .what = what,
       .value = "NUMBER",
       .initially = fmt::to_string(slot.current),
       .set = [=](auto given) {
         const auto read = read_count(given);
         if (read && *read >= slot.least && *read <= slot.most) return slot.store(slot.value, *read);
         refuse(name, fmt::format("a number from {} to {}", slot.least, slot.most), given);
       }});
}

void options::text(std::string_view name, std::string& value, std::string_view what) {
  add({.name = name, .what = what, .value = "TEXT", .initially = value, .set = [&](auto given) { value = given; }});
}

void options::text(std::string_view name, std::optional<std::string>& value, std::string_view what) {
  add({.name = name, .what = what, .value = "TEXT", .initially = value.value_or(""), .set = [&](auto given) {
         value = given;
       }});
}

void options::flag(std::string_view name, bool& value, std::string_view what) {
  add({.name = name, .what = what, .value = "", .set = [&](auto) { value = true; }});
}

void options::list(std::string_view name, std::vector<std::string>& value, std::string_view what) {
  add({.name = name,
       .what = what,
       .value = name,
       .set = [&](auto given) { value.emplace_back(given); },
       .is_required = true,
       .is_list = true});
}

void options::require(std::string_view name) {
  const auto found = std::ranges::find(entries_, name, &entry::name);
  if (found == entries_.end()) throw std::logic_error(fmt::format("no option or argument is called '{}'", name));
  found->is_required = true;
}

void options::take(entry& taker, std::string_view given) {
  taker.set(given);
  taker.was_given = true;
}

bool options::parse(int argc, char** argv) {
  // getopt_long reports an option by a number: its place here, beyond those that are letters.
  constexpr int first = 256;
  std::vector<std::string> names;  // terminated, and without the dashes
  std::vector<::option> known;
  std::string letters = ":h";
  names.reserve(entries_.size());
  for (std::size_t i = 0; i != entries_.size(); ++i) {
    if (entries_[i].is_short()) letters += entries_[i].name[1];
    if (!entries_[i].is_option() || entries_[i].is_short()) continue;
    const int value = entries_[i].value.empty() ? no_argument : required_argument;
    known.push_back(
        {names.emplace_back(entries_[i].name.substr(2)).c_str(), value, nullptr, first + static_cast<int>(i)});
  }
  known.push_back({"help", no_argument, nullptr, 'h'});
  known.push_back({});

  for (entry& e : entries_) e.was_given = false;
  ::optind = 0;  // from the beginning, also when something was parsed before
  ::opterr = 0;
  for (int found = 0; (found = ::getopt_long(argc, argv, letters.c_str(), known.data(), nullptr)) != -1;) {
    if (found == 'h') return false;
    if (found == ':') throw bad_usage(fmt::format("{} takes a value", argv[::optind - 1]));
    if (found == '?' && ::optopt >= first)
      throw bad_usage(fmt::format("'{}' has a value, but takes none", argv[::optind - 1]));
    if (found == '?' && ::optopt != 0) throw bad_usage(fmt::format("there is no option '-{:c}'", ::optopt));
    if (found == '?') throw bad_usage(fmt::format("there is no option '{}'", argv[::optind - 1]));
    if (found < first) {
      const auto is_it = [&](const entry& e) { return e.is_short() && e.name[1] == found; };
      take(*std::ranges::find_if(entries_, is_it), "");
      continue;
    }
    take(entries_[static_cast<std::size_t>(found - first)], ::optarg == nullptr ? "" : ::optarg);
  }

  for (; ::optind < argc; ++::optind) {
    const auto taker =
        std::ranges::find_if(entries_, [](const entry& e) { return !e.is_option() && (e.is_list || !e.was_given); });
    if (taker == entries_.end()) throw bad_usage(fmt::format("'{}' is one argument too many", argv[::optind]));
    take(*taker, argv[::optind]);
  }
  for (const entry& e : entries_) {
    if (e.is_required && !e.was_given) throw bad_usage(fmt::format("it takes {}: {}", e.usage(), e.what));
  }
  return true;
}

std::string options::help(std::string_view program) const {
  std::string out = fmt::format("usage: {}", program);
  for (const entry& e : entries_) {
    if (e.is_option() && e.is_required) out += ' ' + e.usage();
  }
  out += " [OPTION...]";
  for (const entry& e : entries_) {
    if (!e.is_option()) out += e.is_required ? ' ' + e.usage() : fmt::format(" [{}]", e.usage());
  }
  out += "\n\n";
  append_wrapped(out, purpose_, 0);
  out += '\n';
  for (const std::string& command : samples_) out += "  " + command + '\n';
  if (!samples_.empty()) out += '\n';

  std::size_t widest = std::string_view("--help").size();
  for (const entry& e : entries_) widest = std::max(widest, e.usage().size());
  const auto line = [&](std::string_view usage, const std::string& what) {
    out += fmt::format("  {:{}}  ", usage, widest);
    append_wrapped(out, what, widest + 4);
  };
  for (const entry& e : entries_) {
    line(e.usage(), e.initially.empty() ? std::string(e.what) : fmt::format("{} ({})", e.what, e.initially));
  }
  line("--help", "print this");

  const auto has = [&](std::string_view value) {
    return std::ranges::find(entries_, value, &entry::value) != entries_.end();
  };
  if (has("TIME") || has("SIZE")) out += '\n';
  if (has("TIME")) out += "A TIME is such as 500ms, 2.5s, 3min, 1h or never; a number alone is one of seconds.\n";
  if (has("SIZE")) out += "A SIZE is such as 512, 64KiB, 1MiB or 2GiB; a number alone is one of bytes.\n";
  return out;
}

void options::read(int argc, char** argv) {
  std::string_view program = argc > 0 ? argv[0] : "";
  program.remove_prefix(program.rfind('/') + 1);  // 0 where there is none
  try {
    if (parse(argc, argv)) return;
    fmt::print("{}", help(program));
    std::exit(0);
  } catch (const bad_usage& e) {
    fmt::print(stderr, "{}: {} (see --help)\n", program, e.what());
    std::exit(2);
  }
}

}  // namespace examples
