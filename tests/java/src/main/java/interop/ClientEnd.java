package interop;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import org.java_websocket.WebSocket;
import org.java_websocket.client.WebSocketClient;
import org.java_websocket.drafts.Draft;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.framing.Framedata;
import org.java_websocket.handshake.ServerHandshake;
import org.java_websocket.protocols.IProtocol;
import org.java_websocket.protocols.Protocol;

/** A client of Java-WebSocket that does what a test tells it and tells the test what it hears. */
public final class ClientEnd extends WebSocketClient {
  private static final Pattern REFUSED = Pattern.compile("Invalid status code received: (\\d+).*");

  private ClientEnd(String url, String protocols, String who, boolean deflate)
      throws GeneralSecurityException, IOException {
    super(URI.create(url), draft(protocols, deflate), Map.of("X-Who", who), 10_000);
    setConnectionLostTimeout(0);
    setTcpNoDelay(true);
    if (url.startsWith("wss:")) {
      setSocketFactory(trusting());
    }
  }

  public static void main(String[] arguments) throws Exception {
    String[] connect = Words.next();
    ClientEnd client =
        new ClientEnd(connect[1], connect[2], Words.textOf(connect[3]), connect[4].equals("deflate"));
    client.connect();
    for (String[] order = Words.next(); order != null; order = Words.next()) {
      Words.carryOut(client.getConnection(), order);
    }
    System.exit(0);
  }

  /** Trusts the certificate of the tests and no other. */
  private static SSLSocketFactory trusting() throws GeneralSecurityException, IOException {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (InputStream pem = new FileInputStream(System.getenv("INTEROP_CERTIFICATE"))) {
      trusted.setCertificateEntry("tests", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return context.getSocketFactory();
  }

  private static Draft draft(String protocols, boolean deflate) {
    Stream<String> asked = protocols.equals("-") ? Stream.of() : Arrays.stream(protocols.split(","));
    // The empty name stands for a server that chooses none.
    Stream<IProtocol> all = Stream.concat(asked, Stream.of("")).map(Protocol::new);
    return new Draft_6455(ServerEnd.extensions(deflate), all.toList());
  }

  @Override
  public void onOpen(ServerHandshake answer) {
    Words.sayOpen(getConnection(), answer.getFieldValue("X-Greeting"));
  }

  @Override
  public void onMessage(String text) {
    Words.say("text", Words.text(text));
  }

  @Override
  public void onMessage(ByteBuffer bytes) {
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
  public void onClose(int code, String reason, boolean remote) {
    Matcher refused = REFUSED.matcher(reason);
    if (refused.lookingAt()) {
      Words.say("refused", refused.group(1));
    } else {
      Words.say("close", Integer.toString(code), Words.text(reason));
    }
  }

  @Override
  public void onError(Exception error) {
    Words.say("error", Words.text(error.toString()));
  }
}
