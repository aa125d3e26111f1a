// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <fmt/format.h>

#include <wring/core/engine/uring_abi.hpp>
#include <wring/core/engine/uring_engine.hpp>

namespace wring::detail {

namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The Seccomp field of /proc/self/status: "2" while a filter is active.
bool seccomp_filter_active() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Seccomp:")) return line.find('2') != std::string::npos;
  }
  return false;
}

std::string memlock_limit() {
  ::rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return "unknown";
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : fmt::format("{} KiB", limit.rlim_cur / 1024);
}

std::string cause_and_cure(int error_number, const std::string& sysctl, bool filtered) {
  switch (error_number) {
    case ENOSYS:
      return filtered ? "a container's seccomp profile hides io_uring: allow io_uring_setup, io_uring_enter and "
                        "io_uring_register in it, or run with --security-opt seccomp=PROFILE"
                      : "the kernel has no io_uring: it needs Linux 6.1 with CONFIG_IO_URING";
    case EPERM:
    case EACCES:
      if (sysctl == "2") return "io_uring is switched off: set the sysctl kernel.io_uring_disabled to 0";
      if (sysctl == "1") {
        return "io_uring is kept for privileged users: set the sysctl kernel.io_uring_disabled to 0, or join the group "
               "of kernel.io_uring_group";
      }
      return filtered ? "most likely a container's seccomp profile forbids io_uring: allow io_uring_setup, "
                        "io_uring_enter and io_uring_register in it, or run with --security-opt seccomp=PROFILE"
                      : "a security module forbids io_uring: look into its log";
    case EINVAL:
      return "the kernel is too old: Wring's io_uring engine needs Linux 6.1";
    case ENOMEM:
      return "too little memory may be locked: raise the memlock limit (ulimit -l, LimitMEMLOCK=), or ask for "
             "fewer completion_entries";
    case EMFILE:
    case ENFILE:
      return "too many descriptors are open: raise the limit (ulimit -n, LimitNOFILE=)";
    default:
      return "unexpected: see io_uring_setup(2)";
  }
}

}  // namespace

std::string explain_refusal(int error_number) {
  const std::string sysctl = first_line("/proc/sys/kernel/io_uring_disabled");
  const bool filtered = seccomp_filter_active();
  ::utsname kernel{};
  ::uname(&kernel);
  return fmt::format(
      "io_uring is not available: {} (errno {}); Linux {}, kernel.io_uring_disabled={}, seccomp filter {}, memlock "
      "limit "
      "{}: {}",
      std::strerror(error_number), error_number, kernel.release, sysctl.empty() ? "absent" : sysctl,
      filtered ? "active" : "inactive", memlock_limit(), cause_and_cure(error_number, sysctl, filtered));
}

std::string uring_engine::explain() const {
  return fmt::format(
      "engine: io_uring\n"
      "submission entries: {}\n"
      "completion entries: {}\n"
      "receive: multishot, from a ring of {} buffers of {} bytes\n"
      "send: tried at once, then through the ring\n"
      "accept: multishot\n"
      "connect: through the ring\n"
      "files: through the ring\n"
      "timers: in user space, waits end at the nanosecond\n"
      "wake-ups: an eventfd under a multishot poll\n"
      "idle time accounted as iowait: {}\n",
      *ring_.sq.kring_entries, *ring_.cq.kring_entries, buffers_.capacity(), buffers_.buffer_size(),
      (enter_flags_ & abi::enter_no_iowait) != 0 ? "no" : "yes (before Linux 6.15)");
}

}  // namespace wring::detail
