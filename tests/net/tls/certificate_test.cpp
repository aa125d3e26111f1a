// SPDX-License-Identifier: MIT
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/error.hpp>

#include "net/tls/tls_support.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace wring;
using namespace wring::tests;

/// What is said when a certificate is refused; empty: it is not.
template <class Make>
std::string refusal(Make make) {
  try {
    static_cast<void>(make());
    return "";
  } catch (const io_error& e) {
    return e.what();
  }
}

std::string refusal(const std::string& chain, const std::string& key) {
  const std::string text = refusal([&] { return tls::certificate::from_pem(chain, key); });
  return text.substr(text.find_last_of(':') == text.npos ? 0 : text.find_last_of(':'));
}

TEST_CASE("a certificate is checked when it is made", "[tls][certificate]") {
  const identity good({}, &test_ca());
  CHECK(refusal(good.pem(), good.key_pem()) == "");
  CHECK(refusal(good.pem() + test_ca().pem(), good.key_pem()) == "");
  const identity other({.key = second_key()}, &test_ca());
  CHECK(refusal(good.pem(), other.key_pem()) == ": it is not the key of the certificate in \"memory\"");
  const identity expired({.from = -7200, .until = -3600}, &test_ca());
  CHECK(refusal(expired.pem(), expired.key_pem()) == ": it has expired");
  const identity early({.from = 3600, .until = 7200}, &test_ca());
  CHECK(refusal(early.pem(), early.key_pem()) == ": it is not valid yet");
  CHECK(refusal("", good.key_pem()) == ": there is no certificate in PEM in it");
  CHECK(refusal("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", good.key_pem()) != "");
  CHECK(refusal(good.pem(), "").starts_with(": there is no private key in it that can be read"));
  const identity stranger({.subject = "Stranger", .key = second_key(), .is_ca = true});
  CHECK(refusal(good.pem() + stranger.pem(), good.key_pem()).find("\"CN=Stranger\" has not issued \"CN=server\"") !=
        std::string::npos);
}

TEST_CASE("a weak key is refused by the context", "[tls][certificate]") {
  const identity weak({.key = weak_key()}, &test_ca());
  const tls::certificate loaded = tls::certificate::from_pem(weak.pem(), weak.key_pem());
  const std::string text = refusal([&] { return tls::server_context(tls::server_settings(loaded)); });
  CHECK(text.find("ee key too small") != std::string::npos);
}

TEST_CASE("an encrypted key needs its passphrase, and nobody is asked without one", "[tls][certificate]") {
  const identity good({}, &test_ca());
  const std::string key = good.key_pem("secret");
  CHECK(refusal(good.pem(), key) == ": it is encrypted, and there is no passphrase for it");
  unsigned asked = 0;
  const auto with = [&](const char* phrase) {
    return refusal([&, phrase] {
      return tls::certificate::from_pem(good.pem(), key, [&, phrase] { return ++asked, std::string(phrase); });
    });
  };
  CHECK(with("secret") == "");
  CHECK(with("wrong").ends_with("the passphrase is wrong, or was not given"));
  CHECK(with("").ends_with("the passphrase is wrong, or was not given"));
  CHECK(asked == 3);
}

TEST_CASE("errors name the file", "[tls][certificate]") {
  const temporary_folder folder;
  const identity good({}, &test_ca());
  const std::string chain = folder / "chain.pem";
  const std::string key = folder / "key.pem";
  CHECK(refusal([&] { return tls::certificate::from_files(chain, key); }).find("chain.pem\": No such file") !=
        std::string::npos);
  std::ofstream(chain) << good.pem() << test_ca().pem();
  std::ofstream(key) << test_ca().pem();
  const std::string text = refusal([&] { return tls::certificate::from_files(chain, key); });
  CHECK(text.find("use the key in \"") == 0);
  CHECK(text.find("key.pem") != std::string::npos);
  std::ofstream(key) << good.key_pem();
  const tls::certificate loaded = tls::certificate::from_files(chain, key);
  CHECK(loaded.subject() == "CN=server");
  CHECK(loaded.names() == std::vector<std::string>{"server.example"});
  CHECK(loaded.pem() == good.pem() + test_ca().pem());
  CHECK(refusal([&] { return tls::trusted_roots::from_file(key); }).find("key.pem") != std::string::npos);
  CHECK(refusal([&] { return tls::trusted_roots().add_revocations(chain); }).find("chain.pem") != std::string::npos);
}

TEST_CASE("a certificate can sign itself", "[tls][certificate]") {
  const auto made = tls::certificate::self_signed({"localhost", "127.0.0.1", "::1", "*.test"});
  CHECK(made.names() == std::vector<std::string>{"localhost", "127.0.0.1", "::1", "*.test"});
  CHECK(made.subject() == "CN=localhost");
  CHECK(made.digest() != tls::certificate::self_signed({"localhost"}).digest());
  CHECK_THROWS_AS(tls::certificate::self_signed({}), std::invalid_argument);
  CHECK_THROWS_AS(tls::certificate::self_signed({"a,DNS:b"}), std::invalid_argument);
}

}  // namespace
