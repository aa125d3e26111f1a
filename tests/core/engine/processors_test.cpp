// SPDX-License-Identifier: MIT
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <wring/core/engine/processors.hpp>

using wring::detail::processor_quota;

namespace {

/// The files of a machine.
auto reading(std::map<std::string, std::string> files) {
  return [files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace

TEST_CASE("the quota of processors is the smallest of the control group and those around it", "[processors]") {
  const auto machine = reading({{"/sys/fs/cgroup/system.slice/a.service/cpu.max", "max 100000\n"},
                                {"/sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n"},
                                {"/sys/fs/cgroup/cpu.max", "400000 100000\n"}});
  CHECK(processor_quota("0::/system.slice/a.service\n", machine) == 2.5);
  CHECK(processor_quota("0::/\n", machine) == 4.0);
  CHECK(processor_quota("0::/elsewhere\n", machine) == 4.0);
}

TEST_CASE("the quota is found in version 1 of control groups", "[processors]") {
  const auto machine = reading({{"/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "50000\n"},
                                {"/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n"},
                                {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                                {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}});
  CHECK(processor_quota("5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/docker/x", machine) == 0.5);
  CHECK(processor_quota("4:cpu,cpuacct:/\n", machine) == std::nullopt);
}

TEST_CASE("without control groups, or with what is none, there is no quota", "[processors]") {
  const auto machine = reading({{"/sys/fs/cgroup/cpu.max", "some text"}});
  CHECK(processor_quota("", machine) == std::nullopt);
  CHECK(processor_quota("0::/\n", machine) == std::nullopt);
  CHECK(processor_quota("neither\n0:\n", machine) == std::nullopt);
}

TEST_CASE("a thread can be restricted to processors", "[processors]") {
  const std::vector<int> before = wring::detail::allowed_processors();
  REQUIRE_FALSE(before.empty());
  CHECK(wring::detail::usable_processors() <= before.size());
  CHECK(wring::detail::restrict_this_thread({before.back()}) == 0);
  CHECK(wring::detail::allowed_processors() == std::vector<int>{before.back()});
  CHECK(wring::detail::usable_processors() == 1);
  CHECK(wring::detail::restrict_this_thread(before) == 0);
  CHECK(wring::detail::restrict_this_thread({}) < 0);
}
