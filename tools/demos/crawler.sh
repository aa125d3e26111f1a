# SPDX-License-Identifier: MIT
# demo: following the links of a web site
needs=http_server

demo() {
  mkdir -p "$work/site"
  echo '<a href="two.html">two</a> <a href="/">home</a> <a href="none.html">none</a>' > "$work/site/one.html"
  echo '<a href="one.html">one</a>' > "$work/site/two.html"
  start_server http_server --root "$work/site"
  run crawler --quiet "http://$host:$port/files/one.html"
  stop_server
}
