package interop;

import java.net.InetSocketAddress;
import org.java_websocket.WebSocket;
import org.java_websocket.handshake.ClientHandshake;
import org.java_websocket.server.WebSocketServer;

/**
 * The first listing of the article that the project began from, as near to it as the library's compiler allows.
 *
 * <p>What does not compile there, and what stands here instead:
 *
 * <ul>
 *   <li>{@code super(port)}: the constructor takes an address, not a number;
 *   <li>{@code onOpen(WebSocket, Map<String, List<String>>)}: there is no such event; it is handed the handshake;
 *   <li>{@code onStart()} is missing: the class is abstract without it. Here it says where it listens.
 * </ul>
 *
 * <p>The port comes from the command line, 0 for a free one, instead of always 8080.
 */
public class ArticleServer extends WebSocketServer {
  public ArticleServer(int port) {
    super(new InetSocketAddress(port));
  }

  @Override
  public void onStart() {
    System.out.println("listening " + getPort());
  }

  @Override
  public void onOpen(WebSocket conn, ClientHandshake handshake) {
    System.out.println("A new connection is established.");
  }

  @Override
  public void onClose(WebSocket conn, int code, String reason, boolean remote) {
    System.out.println("A connection is closed.");
  }

  @Override
  public void onMessage(WebSocket conn, String message) {
    System.out.println("Received message: " + message);
  }

  @Override
  public void onError(WebSocket conn, Exception ex) {
    System.out.println("An error occurred: " + ex.getMessage());
  }

  public static void main(String[] args) {
    new ArticleServer(Integer.parseInt(args[0])).start();
  }
}
