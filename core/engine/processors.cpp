// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <pthread.h>
#include <sched.h>

#include <wring/core/engine/processors.hpp>

namespace wring::detail {

namespace {

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Of "max 100000", "50000 100000".
std::optional<double> quota_of(const std::optional<std::string>& limits) {
  if (!limits) return std::nullopt;
  char* rest = nullptr;
  const double quota = std::strtod(limits->c_str(), &rest);
  if (rest == limits->c_str()) return std::nullopt;
  const double period = std::strtod(rest, nullptr);
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

}  // namespace

std::vector<int> allowed_processors() {
  std::vector<int> allowed;
  ::cpu_set_t set;
  CPU_ZERO(&set);
  if (::pthread_getaffinity_np(::pthread_self(), sizeof set, &set) == 0) {
    for (int i = 0; i != CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) allowed.push_back(i);
    }
  }
  if (allowed.empty()) allowed.push_back(0);
  return allowed;
}

std::optional<double> processor_quota(std::string_view membership,
                                      const std::function<std::optional<std::string>(const std::string&)>& read) {
  std::optional<double> smallest;
  while (!membership.empty()) {
    const std::string_view line = membership.substr(0, membership.find('\n'));
    membership.remove_prefix(std::min(line.size() + 1, membership.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();  // version 2 has one hierarchy, and names no controllers
    if (!unified && controllers != "cpu" && controllers != "cpu,cpuacct" && controllers != "cpuacct,cpu") continue;
    std::string group(line.substr(second + 1));
    for (;;) {
      if (group == "/") group.clear();
      std::optional<double> quota;
      if (unified) {
        quota = quota_of(read("/sys/fs/cgroup" + group + "/cpu.max"));
      } else {
        const std::string folder = "/sys/fs/cgroup/cpu" + group;
        const std::optional<std::string> allowance = read(folder + "/cpu.cfs_quota_us");
        const std::optional<std::string> period = read(folder + "/cpu.cfs_period_us");
        if (allowance && period) quota = quota_of(*allowance + " " + *period);
      }
      if (quota) smallest = std::min(smallest.value_or(*quota), *quota);
      if (group.empty()) break;
      group.erase(std::min(group.rfind('/'), group.size()));
    }
  }
  return smallest;
}

unsigned usable_processors() {
  const double allowed = static_cast<double>(allowed_processors().size());
  const std::optional<double> quota = processor_quota(text_of("/proc/self/cgroup").value_or(""), text_of);
  return static_cast<unsigned>(std::max(1.0, std::min(allowed, std::ceil(quota.value_or(allowed)))));
}

int restrict_this_thread(const std::vector<int>& processors) noexcept {
  ::cpu_set_t set;
  CPU_ZERO(&set);
  for (const int p : processors) CPU_SET(p, &set);
  return -::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

}  // namespace wring::detail
