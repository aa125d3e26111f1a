// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <wring/net/sim/detail/unix_socket.hpp>
#include <wring/net/socket_address.hpp>

namespace wring::sim::detail {

/// The names of a host's Unix sockets: paths, whose files outlast the sockets, and abstract ones, which do not. All
/// folders exist, and nobody lacks a permission.
class unix_names {
 public:
  /// `first`: where the names begin that it chooses itself.
  explicit unix_names(std::uint32_t first) noexcept : next_(first) {}

  /// Gives the socket this name, or one that it chooses if that is unnamed. 0 or -errno.
  [[nodiscard]] int bind(unix_socket& s, const net::socket_address& name);
  /// Who has the name; null with -errno in `result`.
  [[nodiscard]] std::shared_ptr<unix_socket> find(const net::socket_address& name, bool datagrams, int& result) const;
  /// The number of the file at a path, 0 if there is none.
  [[nodiscard]] std::uint64_t file_at(std::string_view path) const;
  void remove_file(std::string_view path);
  /// The socket is about to be closed.
  void release(const unix_socket& s);

 private:
  struct file {
    std::uint64_t number = 0;
    std::weak_ptr<unix_socket> server;
  };
  using abstract_name = std::pair<bool, std::string>;  // each kind of socket has its own

  [[nodiscard]] int choose_name(unix_socket& s);

  std::map<std::string, file, std::less<>> files_;
  std::map<abstract_name, std::weak_ptr<unix_socket>> abstract_;
  std::uint64_t files_made_ = 0;
  std::uint32_t next_;
};

}  // namespace wring::sim::detail
