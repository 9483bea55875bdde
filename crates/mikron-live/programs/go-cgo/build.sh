CGO_ENABLED=1 exec go build -o app main.go
