// SPDX-License-Identifier: MIT
//
// Fetches a URL and prints what comes, as curl -sS does. Exits with 0, or a number of curl's: 3 for a bad URL, 6 for a
// name that is not found, 7 where no connection is made, 18 for a body that is cut, 22 (--fail) for a status of 400 or
// more, 28 where it takes too long, 47 for too many redirects, 52 for no answer, 60 for a certificate that is not
// trusted.
//
//     $ http_fetch -i http://127.0.0.1:8080/
//     HTTP/1.1 200 OK
//     ...
//     $ http_fetch -L -o page.html https://example.org/
//     $ http_fetch -H 'Accept: application/json' -d '{"a": 1}' http://127.0.0.1:8080/items
//     $ http_fetch --digest -u name:password http://127.0.0.1:8080/secret

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <wring/http.hpp>
#include <wring/protocols/http/web/digest.hpp>
#include <wring/tls.hpp>
#include <wring/wring.hpp>

#include "options.hpp"

namespace {

namespace http = wring::http;
namespace net = wring::net;
namespace tls = wring::net::tls;
using wring::errc;
using wring::task;

struct settings {
  std::string url;
  std::optional<std::string> method;
  std::vector<std::string> headers;
  std::optional<std::string> data;
  std::optional<std::string> output;
  std::optional<std::string> proxy;
  std::optional<std::string> user;
  std::optional<std::string> roots;
  bool head = false;
  bool include = false;
  bool follow = false;
  bool fail = false;
  bool compressed = false;
  bool digest = false;
  wring::duration max_time = wring::forever;
};

/// curl's number for what went wrong.
int exit_code_of(const wring::error& e) {
  const std::string_view operation = e.operation();
  const std::string_view detail = e.detail() != nullptr ? e.detail() : "";
  if (e == errc::timed_out) return 28;
  if (e == errc::name_not_found || e == errc::name_unavailable || e == errc::name_refused) return 6;
  if (e == errc::tls_untrusted) return 60;
  if (e == errc::tls_failed) return 35;
  if (detail == "client_limits::max_redirects") return 47;
  if (operation.starts_with("decode")) return 61;
  if (e == errc::unexpected_eof) return operation.find("body") != std::string_view::npos ? 18 : 52;
  if (operation.starts_with("connect") || operation.starts_with("make a tunnel")) return 7;
  if (e == std::errc::protocol_error) return operation.find("head") != std::string_view::npos ? 8 : 56;
  return 56;
}

/// The name and the password of --user.
std::pair<std::string, std::string> user_of(const settings& chosen) {
  const std::size_t colon = chosen.user->find(':');
  return {chosen.user->substr(0, colon), colon == std::string::npos ? std::string() : chosen.user->substr(colon + 1)};
}

http::client_request request_of(const settings& chosen) {
  const std::string_view usual = chosen.head ? "HEAD" : chosen.data ? "POST" : "GET";
  http::client_request q(chosen.method ? std::string_view(*chosen.method) : usual, chosen.url);
  if (chosen.data) q.body(*chosen.data, "application/x-www-form-urlencoded");
  if (!chosen.compressed) q.decodes(false);
  if (chosen.user && !chosen.digest) {
    const auto [name, password] = user_of(chosen);
    q.basic_auth(name, password);
  }
  for (const std::string& line : chosen.headers) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) throw std::invalid_argument("a header is given as 'Name: value'");
    q.header(line.substr(0, colon), std::string_view(line).substr(colon + 1));
  }
  if (!chosen.follow) q.redirects(0);
  return q;
}

/// Proves the password, if the answer has a challenge that can be answered.
bool answer_challenge(http::client_request& q, const settings& chosen, const http::client_response& rs) {
  if (rs.url().to_string() != q.url().to_string()) return false;  // redirects have led to another place
  const auto [name, password] = user_of(chosen);
  std::random_device random;
  const std::string once = fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  for (const std::string_view challenge : rs.headers().all("www-authenticate")) {
    const auto proof =
        wring::web::answer_digest_challenge(challenge, name, password, q.method(), rs.url().target(), once);
    if (!proof) continue;
    q.secret_header("Authorization", *proof);
    return true;
  }
  return false;
}

void print_head(std::FILE* to, const http::client_response& rs) {
  fmt::print(to, "HTTP/1.{} {} {}\n", rs.minor_version(), rs.status(), rs.reason());
  for (const http::field f : rs.headers()) fmt::print(to, "{}: {}\n", f.name, f.value);
  fmt::print(to, "\n");
}

struct close_file {
  void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};

task<int> fetch(http::client& web, const settings& chosen) {
  http::client_request q = request_of(chosen);
  http::client_response rs = co_await web.send(q);
  if (chosen.digest && chosen.user && rs.status() == 401 && answer_challenge(q, chosen, rs)) {
    static_cast<void>(co_await rs.text());  // so that the connection can be used again
    http::client_response proved = co_await web.send(q);
    rs = std::move(proved);
  }
  if (chosen.fail && rs.status() >= 400) {
    fmt::print(stderr, "http_fetch: the server has answered {}\n", rs.status());
    co_return 22;
  }
  std::unique_ptr<std::FILE, close_file> file;
  std::FILE* to = stdout;
  if (chosen.output) {
    file.reset(std::fopen(chosen.output->c_str(), "we"));
    to = file.get();
  }
  if (to == nullptr) {
    fmt::print(stderr, "http_fetch: {} cannot be written: {}\n", *chosen.output, std::strerror(errno));
    co_return 23;
  }
  if (chosen.include || chosen.head) print_head(to, rs);
  for (;;) {
    const wring::buffer_lease piece = co_await rs.body().read_some();
    if (piece.empty()) break;
    // What is shown as it comes is worth more here than a loop that never waits for a file.
    const bool written = std::fwrite(piece.data(), 1, piece.size(), to) == piece.size() && std::fflush(to) == 0;
    if (!written) co_return 23;
  }
  if (std::fflush(to) != 0) co_return 23;
  co_return 0;
}

task<int> run(settings chosen) {
  tls::client_settings how;
  how.protocols({"http/1.1"});
  if (chosen.roots) how.trust(tls::trusted_roots::from_file(*chosen.roots));
  tls::connector connector{tls::client_context(how)};
  http::client web(connector);
  web.user_agent("http_fetch")
      .proxies(chosen.proxy ? http::proxy_rules(*chosen.proxy) : http::proxy_rules::from_environment());
  int code = 0;
  try {
    const auto all = [&] { return fetch(web, chosen); };
    code = co_await wring::with_timeout(chosen.max_time, all);
  } catch (const wring::io_error& e) {
    fmt::print(stderr, "http_fetch: {}\n", e.what());
    code = exit_code_of(e.details());
  } catch (const std::invalid_argument& e) {
    fmt::print(stderr, "http_fetch: {}\n", e.what());
    code = 3;
  }
  co_return code;
}

/// The command line with curl's letters for what has a value replaced by names, and all that is given by --header taken
/// out of it.
std::vector<std::string> spelled_out(int argc, char** argv, std::vector<std::string>& headers) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> letters{{{"-X", "--request"},
                                                                                  {"-H", "--header"},
                                                                                  {"-d", "--data"},
                                                                                  {"-o", "--output"},
                                                                                  {"-x", "--proxy"},
                                                                                  {"-u", "--user"}}};
  std::vector<std::string> all;
  for (int i = 0; i < argc; ++i) {
    std::string given = argv[i];
    for (const auto& [letter, name] : letters) {
      if (given == letter) given = name;
    }
    if (given == "--header" && i + 1 < argc) {
      headers.emplace_back(argv[++i]);
    } else if (given.starts_with("--header=")) {
      headers.push_back(given.substr(9));
    } else {
      all.push_back(std::move(given));
    }
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  std::string header_shown;  // they are taken before
  examples::options options("Fetches a URL, and prints what comes. -X, -H, -d, -o, -x and -u are as curl has them.");
  options.text("--request", chosen.method, "the method; GET, or POST if there is data");
  options.text("--header", header_shown, "a header field, 'Name: value'; may be repeated");
  options.text("--data", chosen.data, "the body to send");
  options.text("--output", chosen.output, "the file for what comes, in place of the standard output");
  options.text("--proxy", chosen.proxy, "the proxy, http://HOST:PORT; otherwise what the environment says");
  options.text("--user", chosen.user, "NAME:PASSWORD, for basic authentication");
  options.flag("--digest", chosen.digest,
               "answers the server's challenge with --user's, in place of basic authentication");
  options.text("--cacert", chosen.roots, "the file of the certificates that the server's must lead to");
  options.flag("-I", chosen.head, "asks for the head alone");
  options.flag("-i", chosen.include, "prints the answer's head, too");
  options.flag("-L", chosen.follow, "follows redirects");
  options.flag("--fail", chosen.fail, "a status of 400 or more is a failure, and prints nothing");
  options.flag("--compressed", chosen.compressed, "asks for a compressed answer, and decodes it");
  options.time("--max-time", chosen.max_time, "how long all of it may take");
  options.text("URL", chosen.url, "what to fetch");
  options.require("URL");
  options.sample("http_fetch -i http://127.0.0.1:8080/");
  std::vector<std::string> all = spelled_out(argc, argv, chosen.headers);
  std::vector<char*> pointers;
  pointers.reserve(all.size());
  for (std::string& one : all) pointers.push_back(one.data());
  options.read(static_cast<int>(pointers.size()), pointers.data());
  int code = 0;
  const auto body = [&]() -> task<> { code = co_await run(chosen); };
  const int ended = wring::run(body);
  return ended != 0 ? ended : code;
}
