// SPDX-License-Identifier: MIT
#include <new>
#include <utility>

#include <wring/net/tls/detail/client_sessions.hpp>
#include <wring/net/tls/detail/context_state.hpp>

namespace wring::net::tls::detail {

namespace {

bool is_usable(const owned<SSL_SESSION>& session) noexcept {
  if (session == nullptr || SSL_SESSION_is_resumable(session.get()) != 1) return false;
  const X509* const peer = SSL_SESSION_get0_peer(session.get());
  return peer == nullptr || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

}  // namespace

client_sessions::client_sessions(scheduler&) noexcept {}
client_sessions::~client_sessions() = default;

owned<SSL_SESSION> client_sessions::take(const client_state& context, std::string_view server) {
  const auto known = contexts_.find(&context);
  if (known == contexts_.end() || known->second.context.expired()) return nullptr;
  const auto at = known->second.by_name.find(server);
  if (at == known->second.by_name.end()) return nullptr;
  for (owned<SSL_SESSION>& each : at->second->sessions) {
    if (!is_usable(each)) {
      each.reset();
    } else if (SSL_SESSION_get_protocol_version(each.get()) == TLS1_3_VERSION) {
      return std::move(each);
    } else {
      SSL_SESSION_up_ref(each.get());
      return owned<SSL_SESSION>(each.get());
    }
  }
  return nullptr;
}

void client_sessions::keep(const std::shared_ptr<const client_state>& context, std::string_view server,
                           tls_engine::sessions offered) noexcept {
  owned<SSL_SESSION> latest(offered[0]);
  owned<SSL_SESSION> earlier(offered[1]);
  try {
    if (earlier != nullptr) insert(context, server, std::move(earlier));
    if (latest != nullptr) insert(context, server, std::move(latest));
  } catch (const std::bad_alloc&) {
    // Then the next handshake is a whole one.
  }
}

void client_sessions::insert(const std::shared_ptr<const client_state>& context, std::string_view server,
                             owned<SSL_SESSION> session) {
  auto known = contexts_.find(context.get());
  if (known != contexts_.end() && known->second.context.expired()) {
    contexts_.erase(known);  // another one was there
    known = contexts_.end();
  }
  if (known == contexts_.end()) {
    std::erase_if(contexts_, [](const auto& each) { return each.second.context.expired(); });
    known = contexts_.try_emplace(context.get()).first;
    known->second.context = context;
  }
  known_servers& all = known->second;
  if (const auto at = all.by_name.find(server); at != all.by_name.end()) {
    all.servers.splice(all.servers.begin(), all.servers, at->second);
  } else {
    if (all.servers.size() >= context->remembered()) {
      all.by_name.erase(all.servers.back().name);
      all.servers.pop_back();
    }
    all.servers.emplace_front().name = server;
    all.by_name.emplace(all.servers.front().name, all.servers.begin());
  }
  auto& sessions = all.servers.front().sessions;
  sessions[1] = std::move(sessions[0]);
  sessions[0] = std::move(session);
}

void client_sessions::forget(const client_state& context, std::string_view server) noexcept {
  const auto known = contexts_.find(&context);
  if (known == contexts_.end()) return;
  const auto at = known->second.by_name.find(server);
  if (at == known->second.by_name.end()) return;
  const auto entry = at->second;
  known->second.by_name.erase(at);
  known->second.servers.erase(entry);
}

}  // namespace wring::net::tls::detail
