# SPDX-License-Identifier: MIT
# demo: multicast: programs that find each other, here on one host
demo() {
  "$programs/multicast_beacon" --interface 1 --hops 0 --for 3s Grace > "$work/grace" &
  run multicast_beacon --interface 1 --hops 0 --for 2s Ada
  wait $!
  grep -q 'Ada is at' "$work/grace" || fail 'Grace has not heard Ada'
}
