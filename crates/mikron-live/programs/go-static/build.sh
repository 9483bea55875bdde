CGO_ENABLED=0 exec go build -o app main.go
