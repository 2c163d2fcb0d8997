package interop;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;
import org.java_websocket.WebSocket;
import org.java_websocket.drafts.Draft;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.exceptions.InvalidDataException;
import org.java_websocket.extensions.IExtension;
import org.java_websocket.extensions.permessage_deflate.PerMessageDeflateExtension;
import org.java_websocket.framing.CloseFrame;
import org.java_websocket.framing.Framedata;
import org.java_websocket.handshake.ClientHandshake;
import org.java_websocket.handshake.ServerHandshakeBuilder;
import org.java_websocket.protocols.Protocol;
import org.java_websocket.server.WebSocketServer;

/** A server of Java-WebSocket that does what a test tells it and tells the test what it hears. */
public final class ServerEnd extends WebSocketServer {
  private volatile WebSocket connection;

  private ServerEnd(boolean deflate) {
    super(new InetSocketAddress("127.0.0.1", 0), 1, List.of(draft(deflate)));
    setConnectionLostTimeout(0);
    setTcpNoDelay(true);
  }

  public static void main(String[] arguments) throws Exception {
    String[] listen = Words.next();
    ServerEnd server = new ServerEnd(listen[1].equals("deflate"));
    server.start();
    Thread nudge = new Thread(server::nudge);
    nudge.setDaemon(true);
    nudge.start();
    for (String[] order = Words.next(); order != null; order = Words.next()) {
      Words.carryOut(server.connection, order);
    }
    System.exit(0);
  }

  /**
   * The library forgets, now and then, that it has something to write: a thread that sends asks for writability just before
   * the selecting thread, which has written all there was, takes that back. So somebody asks again.
   */
  private void nudge() {
    try {
      while (true) {
        Thread.sleep(20);
        WebSocket current = connection;
        if (current != null && current.hasBufferedData()) {
          onWriteDemand(current);
        }
      }
    } catch (InterruptedException over) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * With a threshold, which is 1,024 bytes by default, version 1.6.0 decides anew for each fragment whether to compress it: of a
   * message that begins with a short one nobody can make sense.
   */
  static List<IExtension> extensions(boolean deflate) {
    PerMessageDeflateExtension extension = new PerMessageDeflateExtension();
    extension.setThreshold(0);
    return deflate ? List.of(extension) : List.of();
  }

  private static Draft draft(boolean deflate) {
    return new Draft_6455(extensions(deflate), List.of(new Protocol("chat.v2"), new Protocol("")));
  }

  @Override
  public ServerHandshakeBuilder onWebsocketHandshakeReceivedAsServer(
      WebSocket connection, Draft draft, ClientHandshake request) throws InvalidDataException {
    if (request.getResourceDescriptor().equals("/refused")) {
      throw new InvalidDataException(CloseFrame.POLICY_VALIDATION, "not here");
    }
    ServerHandshakeBuilder answer = super.onWebsocketHandshakeReceivedAsServer(connection, draft, request);
    answer.put("X-Greeting", "hello " + request.getFieldValue("X-Who"));
    return answer;
  }

  @Override
  public void onStart() {
    Words.say("listening", Integer.toString(getPort()));
  }

  @Override
  public void onOpen(WebSocket connection, ClientHandshake request) {
    this.connection = connection;
    Words.sayOpen(connection, request.getFieldValue("X-Who"));
  }

  @Override
  public void onMessage(WebSocket connection, String text) {
    Words.say("text", Words.text(text));
  }

  @Override
  public void onMessage(WebSocket connection, ByteBuffer bytes) {
    Words.say("binary", Words.bytes(bytes));
  }

  @Override
  public void onWebsocketPing(WebSocket connection, Framedata ping) {
    Words.say("ping", Words.bytes(ping.getPayloadData()));
    super.onWebsocketPing(connection, ping);
  }

  @Override
  public void onWebsocketPong(WebSocket connection, Framedata pong) {
    Words.say("pong", Words.bytes(pong.getPayloadData()));
  }

  @Override
  public void onClose(WebSocket connection, int code, String reason, boolean remote) {
    // Of a connection that it refused it tells the close alone.
    if (connection == this.connection) {
      Words.say("close", Integer.toString(code), Words.text(reason));
    }
  }

  @Override
  public void onError(WebSocket connection, Exception error) {
    Words.say("error", Words.text(error.toString()));
  }
}
