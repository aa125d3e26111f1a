// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wring::net {

/// How a stream is secured, see `stream`: for logs, access control, and protocols that depend on it. Independent of any
/// particular TLS library.
struct stream_security {
  std::string_view protocol;         ///< "TLSv1.3"; a literal
  std::string_view cipher;           ///< "TLS_AES_128_GCM_SHA256"; a literal
  std::string application_protocol;  ///< what was agreed on by ALPN (RFC 7301): "h2"; empty if nothing was
  std::string server_name;           ///< what the client asked for by SNI (RFC 6066, section 3); empty if it did not
  std::string peer_subject;          ///< the subject of the peer's certificate as text (RFC 4514); empty without one
  std::vector<std::byte> peer_certificate;  ///< in DER; empty without one
  bool resumed = false;        ///< an earlier session goes on: what is known of the peer is what that has found out
  bool peer_verified = false;  ///< its chain leads to a trusted root, and its name is the one wanted
};

}  // namespace wring::net
