// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <wring/core/engine/name_lookup.hpp>

namespace wring::detail {

namespace {

name_failure failure_of(int code) noexcept {
  switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return name_failure::not_found;
    case EAI_AGAIN:
      return name_failure::temporary;
    case EAI_SERVICE:
      return name_failure::no_service;
    case EAI_SYSTEM:
    case EAI_MEMORY:
      return name_failure::system;
    default:
      return name_failure::refused;
  }
}

}  // namespace

name_answer look_up_name(const name_request& request) {
  ::addrinfo wanted{};
  wanted.ai_family = request.family;
  wanted.ai_socktype = SOCK_STREAM;  // each address once
  wanted.ai_protocol = IPPROTO_TCP;
  // Not AI_ADDRCONFIG, which hides localhost's addresses where there is no network.
  wanted.ai_flags = request.numeric_host ? AI_NUMERICHOST : 0;
  ::addrinfo* found = nullptr;
  errno = 0;
  const int code =
      ::getaddrinfo(request.host.c_str(), request.service.empty() ? nullptr : request.service.c_str(), &wanted, &found);
  name_answer answer;
  if (code != 0) {
    answer.failure = failure_of(code);
    answer.error_number = code == EAI_MEMORY ? ENOMEM : errno != 0 ? errno : EIO;
    return answer;
  }
  const std::unique_ptr<::addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  for (const ::addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    name_address& address = answer.addresses.emplace_back();
    static_assert(sizeof(::sockaddr_in6) <= sizeof address.bytes);
    if (each->ai_addrlen > address.bytes.size()) {
      answer.addresses.pop_back();
      continue;
    }
    address.size = each->ai_addrlen;
    std::memcpy(address.bytes.data(), each->ai_addr, each->ai_addrlen);
  }
  if (answer.addresses.empty()) answer.failure = name_failure::not_found;
  return answer;
}

}  // namespace wring::detail
