// SPDX-License-Identifier: MIT
#include "../../examples/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace {

using namespace std::chrono_literals;
using examples::options;
namespace net = wring::net;

/// A command line, which stays until the end of the test.
class command_line {
 public:
  explicit command_line(std::vector<std::string> words) : words_(std::move(words)) {
    words_.insert(words_.begin(), "program");
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }

  bool parse(options& with) { return with.parse(static_cast<int>(words_.size()), pointers_.data()); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

bool parse(options& with, std::vector<std::string> words) { return command_line(std::move(words)).parse(with); }

/// What is said to be wrong with the words.
std::string complaint(options& with, std::vector<std::string> words) {
  try {
    parse(with, std::move(words));
  } catch (const options::bad_usage& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("What the command line does not say keeps its default", "[examples][options]") {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  wring::duration grace = 3s;
  std::optional<std::string> message;
  bool loud = false;
  options o("Says nothing.");
  o.listen(listen);
  o.time("--grace", grace, "how long");
  o.text("--message", message, "what to say");
  o.flag("--loud", loud, "louder");
  CHECK(parse(o, {}));
  CHECK(listen.address == net::ip_address::loopback_v4);
  CHECK(listen.port == 7000);
  CHECK(grace == 3s);
  CHECK_FALSE(message);
  CHECK_FALSE(loud);

  CHECK(parse(o, {"--host=::1", "--port", "0", "--message", "", "--loud", "--grace", "1min"}));
  CHECK(listen.address == net::ip_address::loopback_v6);
  CHECK(listen.port == 0);
  CHECK(grace == 60s);
  CHECK(message == "");
  CHECK(loud);
}

TEST_CASE("Times have units, and without one are seconds", "[examples][options]") {
  wring::duration time;
  options o("Waits.");
  o.time("--time", time, "how long");
  const std::pair<std::string, wring::duration> good[] = {
      {"0", 0s},    {"7", 7s},      {"2.5s", 2500ms}, {"500ms", 500ms},          {"3us", 3us},
      {"7ns", 7ns}, {"3min", 3min}, {"1.5h", 90min},  {"never", wring::forever}, {"99999999999h", wring::forever},
  };
  for (const auto& [text, wanted] : good) {
    CAPTURE(text);
    CHECK(parse(o, {"--time", text}));
    CHECK(time == wanted);
  }
  for (const std::string text : {"", "s", "-1s", "+1s", "1 s", "1m", "1e3", "0x1", "inf", "nan", "1s2", ".5s"}) {
    CAPTURE(text);
    CHECK(complaint(o, {"--time", text}) == "--time takes a time, such as 500ms, 2s or 3min, not '" + text + "'");
  }

  options bounded("Waits longer.");
  bounded.time("--time", time, "how long", 10ms);
  CHECK(complaint(bounded, {"--time", "9ms"}) ==
        "--time takes a time of 10ms or more, such as 500ms, 2s or 3min, not '9ms'");
}

TEST_CASE("Sizes are in bytes, or in units of 1024", "[examples][options]") {
  std::size_t size = 1;
  options o("Measures.");
  o.size("--size", size, "how much");
  const std::pair<std::string, std::size_t> good[] = {
      {"0", 0}, {"1000", 1000}, {"5B", 5}, {"64KiB", 65536}, {"3MiB", 3 << 20}, {"2GiB", std::size_t{2} << 30}};
  for (const auto& [text, wanted] : good) {
    CAPTURE(text);
    CHECK(parse(o, {"--size", text}));
    CHECK(size == wanted);
  }
  for (const std::string text : {"", "-1", "1kB", "1.5MiB", "1 KiB", "KiB", "99999999999GiB", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK(complaint(o, {"--size", text}).ends_with("not '" + text + "'"));
  }

  std::uint32_t few = 1;
  options bounded("Measures little.");
  bounded.size("--size", few, "how much", 1024, 1 << 20);
  CHECK(complaint(bounded, {"--size", "1023"}) ==
        "--size takes a size from 1KiB to 1MiB, such as 64KiB or 1MiB, not '1023'");
  CHECK(complaint(bounded, {"--size", "2MiB"}).ends_with("not '2MiB'"));
}

TEST_CASE("Counts are whole numbers within their limits", "[examples][options]") {
  std::uint8_t few = 0;
  options o("Counts.");
  o.count("--few", few, "how many", 1);
  CHECK(parse(o, {"--few", "255"}));
  CHECK(few == 255);
  for (const std::string text : {"0", "256", "1.0", "", "-1", "0x1", "4294967297", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(complaint(o, {"--few", text}) == "--few takes a number from 1 to 255, not '" + text + "'");
  }
}

TEST_CASE("A flag may be a letter", "[examples][options]") {
  bool verbose = false;
  bool loud = false;
  bool quiet = false;
  options o("Talks.");
  o.flag("-v", verbose, "more");
  o.flag("-l", loud, "louder");
  o.flag("-q", quiet, "less");
  command_line together({"-vl"});
  CHECK(together.parse(o));
  CHECK(verbose);
  CHECK(loud);
  CHECK_FALSE(quiet);
  CHECK(complaint(o, {"-x"}) == "there is no option '-x'");
}

TEST_CASE("A target is a host and a port", "[examples][options]") {
  net::connect_target to;
  options o("Connects.");
  o.target("--to", to, "the server");
  o.require("--to");
  CHECK(complaint(o, {}) == "it takes --to HOST:PORT: the server");
  command_line v4({"--to", "192.0.2.1:80"});
  CHECK(v4.parse(o));
  CHECK(to.host == "192.0.2.1");
  CHECK(to.port == 80);
  command_line v6({"--to", "[::1]:81"});
  CHECK(v6.parse(o));
  CHECK(to.host == "::1");
  CHECK(to.port == 81);
  command_line by_name({"--to", "www.example.org:82"});
  CHECK(by_name.parse(o));
  CHECK(to.host == "www.example.org");
  CHECK(to.port == 82);
  for (const char* const bad :
       {"here", "here:", ":80", "here:http", "here:65536", "::1:80", "[here]:80", "[::1]", "unix:/run/x"}) {
    CHECK(complaint(o, {"--to", bad}) ==
          fmt::format("--to takes a host and a port, such as www.example.org:80 or [2001:db8::1]:80, not '{}'", bad));
  }
  CHECK_THROWS_AS(o.require("--from"), std::logic_error);
}

TEST_CASE("Arguments are taken in the order of their declaration", "[examples][options]") {
  unsigned number = 10;
  std::vector<std::string> rest;
  bool loud = false;
  options o("Takes arguments.");
  o.count("NUMBER", number, "how many");
  o.flag("--loud", loud, "louder");
  CHECK(parse(o, {"3", "--loud"}));
  CHECK(number == 3);
  CHECK(complaint(o, {"3", "4"}) == "'4' is one argument too many");
  CHECK(complaint(o, {"--", "-3"}) == "NUMBER is a number from 0 to 4294967295, not '-3'");

  options list("Takes a list.");
  list.count("NUMBER", number, "how many");
  list.list("FILE", rest, "what to read");
  CHECK(complaint(list, {"4"}) == "it takes FILE...: what to read");
  CHECK(parse(list, {"4", "a", "--", "--b"}));
  CHECK(number == 4);
  CHECK(rest == std::vector<std::string>{"a", "--b"});
}

TEST_CASE("What is no option is refused by its name", "[examples][options]") {
  bool loud = false;
  std::uint16_t port = 0;
  options o("Has two options.");
  o.flag("--loud", loud, "louder");
  o.port("--port", port, "the port");
  CHECK(complaint(o, {"--quiet"}) == "there is no option '--quiet'");
  CHECK(complaint(o, {"--quiet=yes"}) == "there is no option '--quiet=yes'");
  CHECK(complaint(o, {"-q"}) == "there is no option '-q'");
  CHECK(complaint(o, {"--loud=yes"}) == "'--loud=yes' has a value, but takes none");
  CHECK(complaint(o, {"--port"}) == "--port takes a value");
  CHECK(complaint(o, {"--port", "65536"}) == "--port takes a number from 0 to 65535, not '65536'");
  CHECK(complaint(o, {"here"}) == "'here' is one argument too many");
}

TEST_CASE("The help names every option with its default", "[examples][options]") {
  net::tcp_listen_options listen{.address = net::ip_address::loopback_v4, .port = 7000};
  net::connect_target to;
  wring::duration limit = wring::forever;
  std::size_t size = 65536;
  std::vector<std::string> urls;
  options o("Does this and that, at length, so that the sentence that says so is longer than a line of the help.");
  o.target("--proxy", to, "the server");
  o.require("--proxy");
  o.listen(listen);
  o.time("--limit", limit, "give up after this long");
  o.size("--size", size, "how much may wait for somebody who reads too slowly");
  o.list("URL", urls, "what to fetch");
  CHECK(o.help("program") == R"(usage: program --proxy HOST:PORT [OPTION...] URL...

Does this and that, at length, so that the sentence that says so is longer than
a line of the help.

  --proxy HOST:PORT  the server
  --host ADDRESS     the address to listen on; :: is all of this host's
                     (127.0.0.1)
  --port PORT        the port to listen on; 0 is any free one (7000)
  --limit TIME       give up after this long (never)
  --size SIZE        how much may wait for somebody who reads too slowly (64KiB)
  URL...             what to fetch
  --help             print this

A TIME is such as 500ms, 2.5s, 3min, 1h or never; a number alone is one of seconds.
A SIZE is such as 512, 64KiB, 1MiB or 2GiB; a number alone is one of bytes.
)");
  for (const char* asked : {"--help", "-h"}) CHECK_FALSE(parse(o, {asked, "--no-such-option"}));
  CHECK(urls.empty());
}
