# Answers with what a gem with an extension says.
require "socket"
require "version_in_c"

listener = TCPServer.new(8080)
loop do
  peer = listener.accept
  peer.gets
  body = "#{library_version} by a gem\n"
  peer.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")
  peer.close
end
