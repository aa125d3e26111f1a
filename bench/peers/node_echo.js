// SPDX-License-Identifier: MIT
//
// Node's TCP echo: node node_echo.js PORT.
const net = require('net');

const server = net.createServer({ noDelay: true }, (peer) => {
  peer.on('data', (data) => peer.write(data));
  peer.on('error', () => {});
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
