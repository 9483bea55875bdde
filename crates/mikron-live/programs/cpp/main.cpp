// Answers with what its options, which Boost reads, say.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <iostream>
#include <stdexcept>
#include <string>

namespace options = boost::program_options;

int main(int count, char **words) {
    std::string greeting;
    unsigned short port;
    options::options_description known;
    known.add_options()("greeting", options::value(&greeting)->required())(
        "port", options::value(&port)->default_value(8080));
    options::variables_map given;
    try {
        options::store(options::parse_command_line(count, words, known), given);
        options::notify(given);
    } catch (const options::error &error) {
        std::cerr << error.what() << std::endl;
        return 2;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address) || listen(listener, 8))
        throw std::runtime_error("cannot listen");
    for (;;) {
        int peer = accept(listener, nullptr, nullptr);
        char request[4096];
        if (read(peer, request, sizeof request) > 0) {
            std::string body = greeting + "\n";
            std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                 std::to_string(body.size()) + "\r\n\r\n" + body;
            if (write(peer, answer.data(), answer.size()) < 0) std::cerr << "gone" << std::endl;
        }
        close(peer);
    }
}
