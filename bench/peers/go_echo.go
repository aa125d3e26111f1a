// SPDX-License-Identifier: MIT

// Go's TCP echo: go_echo PORT.
package main

import (
	"net"
	"os"
)

func echo(peer net.Conn) {
	defer peer.Close()
	data := make([]byte, 65536)
	for {
		n, err := peer.Read(data)
		if err != nil {
			return
		}
		if _, err = peer.Write(data[:n]); err != nil {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	for {
		if peer, err := listener.Accept(); err == nil {
			go echo(peer)
		}
	}
}
