#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx_tls.sh PORT greet|http: nginx over TLS, in one process, without an access log. `greet` sends 64 bytes to whoever
# connects, and ends; `http` answers / with a line of text, and /file with 64 MiB of a file.
set -eu
folder=${TMPDIR:-/tmp}/bench-nginx-$1
mkdir -p "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
  -keyout "$folder/key.pem" -out "$folder/own.pem" 2> /dev/null
case $2 in
  greet) room=$(printf "stream { %s server { listen 127.0.0.1:$1 ssl backlog=4096; return %064d; } }" \
    "ssl_certificate $folder/own.pem; ssl_certificate_key $folder/key.pem; ssl_protocols TLSv1.2 TLSv1.3;" 0) ;;
  http)
    head -c 67108864 /dev/zero > "$folder/file"
    room="http {
      access_log off; keepalive_requests 1000000000; keepalive_timeout 600; default_type text/plain;
      client_body_temp_path $folder/body; proxy_temp_path $folder/proxy; fastcgi_temp_path $folder/fastcgi;
      uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
      ssl_certificate $folder/own.pem; ssl_certificate_key $folder/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
      server {
        listen 127.0.0.1:$1 ssl backlog=4096;
        root $folder;
        location = / { return 200 \"hello\\n\"; }
      }
    }" ;;
esac
cat > "$folder/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
user root;
pid $folder/pid;
error_log stderr;
events { worker_connections 20000; }
$room
CONF
exec nginx -c "$folder/nginx.conf" -e stderr
