#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx_http.sh PORT [FOLDER [UPSTREAM]]: nginx that answers everything with `return 200`, in one process, without an
# access log. With a folder there are its files below /files/, sent by sendfile from descriptors that stay open. With an
# upstream, a port of 127.0.0.1, it is a proxy before that, and keeps the connections to it.
set -eu
folder=${TMPDIR:-/tmp}/bench-nginx-$1
mkdir -p "$folder"
files=
all='return 200 "hello\n";'
upstream=
if [ $# -gt 2 ]; then
  upstream="upstream behind { server 127.0.0.1:$3; keepalive 128; keepalive_requests 1000000000; }"
  all='proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";'
elif [ $# -gt 1 ]; then
  files="location /files/ { alias $2/; sendfile on; tcp_nopush on; open_file_cache max=1000 inactive=600s; }"
fi
cat > "$folder/nginx.conf" <<CONF
daemon off;
master_process off;
pid $folder/pid;
error_log stderr;
events { worker_connections 20000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  default_type text/plain;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  $upstream
  server {
    listen 127.0.0.1:$1 backlog=4096;
    $files
    location / { $all }
  }
}
CONF
exec nginx -c "$folder/nginx.conf" -e stderr
