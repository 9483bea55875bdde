// Answers with the version of zlib that it is linked with.
package main

// #cgo LDFLAGS: -l:libz.so.1
// extern const char *zlibVersion(void);
import "C"

import (
	"bufio"
	"fmt"
	"log"
	"net"
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
			body := fmt.Sprintf("zlib %s by cgo\n", C.GoString(C.zlibVersion()))
			fmt.Fprintf(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		peer.Close()
	}
}
