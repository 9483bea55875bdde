import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

/** Answers with what a library in C says. */
public class Server {
    static native String version();

    public static void main(String[] words) throws Exception {
        System.loadLibrary("version");
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            byte[] body = ("zlib " + version() + " by JNI\n").getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
