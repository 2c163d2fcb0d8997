package interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.java_websocket.WebSocket;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.enums.Opcode;
import org.java_websocket.extensions.DefaultExtension;
import org.java_websocket.framing.PingFrame;

/** What a test and this program say to each other, a line at a time; `tests/tests/interop/program.rs` has the list. */
final class Words {
  private static final BufferedReader INPUT =
      new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

  private Words() {}

  /** The next order, or null when there are no more. */
  static String[] next() throws IOException {
    String line = INPUT.readLine();
    return line == null ? null : line.split(" ");
  }

  /** Several threads of the library tell of events. */
  static synchronized void say(String... words) {
    System.out.println(String.join(" ", words));
    System.out.flush();
  }

  static String bytes(ByteBuffer payload) {
    byte[] copy = new byte[payload.remaining()];
    payload.duplicate().get(copy);
    return ":" + Base64.getEncoder().encodeToString(copy);
  }

  static String text(String text) {
    return bytes(ByteBuffer.wrap((text == null ? "" : text).getBytes(StandardCharsets.UTF_8)));
  }

  static byte[] bytesOf(String word) {
    return Base64.getDecoder().decode(word.substring(1));
  }

  static String textOf(String word) {
    return new String(bytesOf(word), StandardCharsets.UTF_8);
  }

  static void sayOpen(WebSocket connection, String header) {
    Draft_6455 draft = (Draft_6455) connection.getDraft();
    String protocol = connection.getProtocol().getProvidedProtocol();
    boolean plain = draft.getExtension().getClass() == DefaultExtension.class;
    say("open", protocol.isEmpty() ? "-" : protocol, text(header), plain ? "plain" : "deflate");
  }

  /** Orders that are the same for both ends of a connection. */
  static void carryOut(WebSocket connection, String[] order) {
    switch (order[0]) {
      case "text" -> connection.send(textOf(order[1]));
      case "binary" -> connection.send(bytesOf(order[1]));
      case "fragments" -> {
        Opcode kind = Map.of("text", Opcode.TEXT, "binary", Opcode.BINARY).get(order[1]);
        for (int at = 2; at < order.length; at++) {
          connection.sendFragmentedFrame(kind, ByteBuffer.wrap(bytesOf(order[at])), at == order.length - 1);
        }
      }
      case "ping" -> {
        PingFrame ping = new PingFrame();
        ping.setPayload(ByteBuffer.wrap(bytesOf(order[1])));
        connection.sendFrame(ping);
      }
      case "close" -> connection.close(Integer.parseInt(order[1]), textOf(order[2]));
      default -> throw new IllegalArgumentException(order[0]);
    }
  }
}
