/* SPDX-License-Identifier: MIT
 *
 * libuv's TCP echo: libuv_echo PORT. Writes at once what the socket takes, and queues a copy of the rest. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static char data[65536];

struct rest {
  uv_write_t request;
  char bytes[];
};

static void on_alloc(uv_handle_t* handle, size_t wanted, uv_buf_t* buffer) {
  (void)handle;
  (void)wanted;
  *buffer = uv_buf_init(data, sizeof data);
}

static void on_close(uv_handle_t* handle) { free(handle); }

static void on_written(uv_write_t* request, int status) {
  (void)status;
  free(request);
}

static void on_read(uv_stream_t* peer, ssize_t got, const uv_buf_t* buffer) {
  if (got < 0) {
    uv_close((uv_handle_t*)peer, on_close);
    return;
  }
  uv_buf_t out = uv_buf_init(buffer->base, (unsigned)got);
  int sent = uv_stream_get_write_queue_size(peer) == 0 ? uv_try_write(peer, &out, 1) : 0;
  if (sent < 0) sent = 0;
  if (sent == got) return;
  const size_t left = (size_t)(got - sent);
  struct rest* rest = malloc(sizeof *rest + left);
  memcpy(rest->bytes, buffer->base + sent, left);
  out = uv_buf_init(rest->bytes, (unsigned)left);
  uv_write(&rest->request, peer, &out, 1, on_written);
}

static void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  uv_tcp_t* peer = malloc(sizeof *peer);
  uv_tcp_init(listener->loop, peer);
  if (uv_accept(listener, (uv_stream_t*)peer) != 0) {
    uv_close((uv_handle_t*)peer, on_close);
    return;
  }
  uv_tcp_nodelay(peer, 1);
  uv_read_start((uv_stream_t*)peer, on_alloc, on_read);
}

int main(int argc, char** argv) {
  uv_tcp_t listener;
  struct sockaddr_in address;
  uv_tcp_init(uv_default_loop(), &listener);
  uv_ip4_addr("127.0.0.1", atoi(argc > 1 ? argv[1] : "7000"), &address);
  uv_tcp_bind(&listener, (const struct sockaddr*)&address, 0);
  if (uv_listen((uv_stream_t*)&listener, 4096, on_connection) != 0) return 1;
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
