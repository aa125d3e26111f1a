#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx_proxy.sh PORT UPSTREAM: nginx's stream module, in one process, before 127.0.0.1:UPSTREAM.
set -eu
folder=${TMPDIR:-/tmp}/bench-nginx-$1
mkdir -p "$folder"
cat > "$folder/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid $folder/pid;
error_log stderr;
events { worker_connections 20000; }
stream {
  server {
    listen 127.0.0.1:$1 backlog=4096;
    proxy_pass 127.0.0.1:$2;
    tcp_nodelay on;
  }
}
CONF
exec nginx -c "$folder/nginx.conf" -e stderr
