package interop;

import java.net.URI;
import org.java_websocket.client.WebSocketClient;
import org.java_websocket.handshake.ServerHandshake;

/**
 * The second listing of the article, as near to it as the library's compiler allows.
 *
 * <p>What does not compile there, and what stands here instead:
 *
 * <ul>
 *   <li>{@code onOpen(SocketAddress, ClientHandshake)}: there is no such event; a client is handed the server's handshake;
 *   <li>{@code onClose(int, String)}: the event also says whether the other side began;
 *   <li>{@code new ...("ws://localhost:8080")}: the constructor takes a URI, not text.
 * </ul>
 *
 * <p>The address comes from the command line.
 */
public class ArticleClient extends WebSocketClient {
  public ArticleClient(URI serverURI) {
    super(serverURI);
  }

  @Override
  public void onOpen(ServerHandshake handshake) {
    System.out.println("A new connection is established.");
  }

  @Override
  public void onClose(int code, String reason, boolean remote) {
    System.out.println("A connection is closed.");
  }

  @Override
  public void onMessage(String message) {
    System.out.println("Received message: " + message);
  }

  @Override
  public void onError(Exception ex) {
    System.out.println("An error occurred: " + ex.getMessage());
  }

  public static void main(String[] args) {
    new ArticleClient(URI.create(args[0])).connect();
  }
}
