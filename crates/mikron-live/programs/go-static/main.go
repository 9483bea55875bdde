// Answers with what it is.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"runtime"
)

func main() {
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	for {
		peer, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		if _, err := bufio.NewReader(peer).ReadString('\n'); err == nil {
			body := fmt.Sprintf("a static program of %s\n", runtime.Version())
			fmt.Fprintf(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		peer.Close()
	}
}
