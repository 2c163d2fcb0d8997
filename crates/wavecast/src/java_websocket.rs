//! Coming from Java-WebSocket: every public call of version 1.6.0, and what to write here.
//!
//! The idea is the same: a class with `onOpen`, `onMessage`, `onClose` and `onError` for each side. What differs:
//!
//! - A server is a value with the trait [`Events`], and one instance serves all threads; what belongs to one connection is its
//!   [state](Connection::state_mut), not a map of your own. There is no lock to forget.
//! - Every bound has a default ([`Options`], [`ConnectOptions`]): a peer that does not read fills 1 MiB and is closed with 1013, instead
//!   of filling the heap; a message has at most 16 MiB, a request head 16 KiB and ten seconds.
//! - `close` from inside any event, any thread and any callback takes effect and returns at once. Nothing waits for itself.
//! - The close event comes once for each connection that had opened, and says [who began](server::Side).
//!
//! # `WebSocketServer`
//!
//! | Java-WebSocket | here |
//! | --- | --- |
//! | `new WebSocketServer(address)` | [`Server::bind`]`("0.0.0.0:8080")?` |
//! | `… (address, decodercount)` | [`Server::bind_with`]`(address, shards)?`: a shard is a thread with its own connections, one a core by default |
//! | `… (address, drafts)` | [`Options`]: what is spoken, and its limits |
//! | `… (address, …, connectionsContainer)` | not needed: [`Handle::peers`] |
//! | `new WebSocketServer(serverSocketChannel)` | [`Server::listen`]`(`[`Listener::from`](net::listener::Listener)`(socket))`; from systemd [`listener::activated`](net::listener::activated) |
//! | `start()`, `run()` | [`Server::start`] (threads of its own), [`Server::run`] (blocks) |
//! | `stop()`, `stop(timeout)`, `stop(timeout, message)` | [`Running::drain`], [`Handle::drain`]`(code, reason, within)`, then [`Running::join`] |
//! | `onStart()` | [`Server::start`] has returned: it listens |
//! | `onOpen(conn, handshake)` | [`Events::open`] |
//! | `onMessage(conn, String)`, `onMessage(conn, ByteBuffer)` | [`Events::message`]: one event, [`MessageRef::Text`] or [`MessageRef::Binary`] |
//! | `onClose(conn, code, reason, remote)` | [`Events::close`]; `remote` is [`Close::by`](server::Close) |
//! | `onError(conn, ex)` | [`Events::error`]; what concerns no connection is the result of [`Server::start`] or [`Running::join`] |
//! | `onClosing`, `onCloseInitiated` | none: the close event follows within [`Options::close_timeout`] |
//! | `getConnections()` | [`Handle::peers`], [`Handle::connections`] (how many), [`Connection::neighbours`] (those of this shard) |
//! | `broadcast(String / byte[] / ByteBuffer)` | [`Connection::broadcast`], [`Handle::broadcast`]: framed once a shard, compressed once |
//! | `broadcast(…, Collection<WebSocket>)` | [`Handle::send_to`]`(&peers, …)`; a set that lasts is a [group](Connection::join) |
//! | `getAddress()`, `getPort()` | [`Server::address`], [`Running::address`] |
//! | `setMaxPendingConnections`, `get…` | [`Listener::backlog`](net::listener::Listener::backlog) |
//! | `setReceiveBufferSize`, `get…`, `createBuffer`, `allocateBuffers`, `releaseBuffers` | [`TcpOptions::receive_buffer_bytes`](net::listener::TcpOptions); connections share one receive buffer a shard |
//! | `setTcpNoDelay`, `is…` | [`TcpOptions::nodelay`](net::listener::TcpOptions), on by default |
//! | `setReuseAddr`, `is…` | always on: a server that restarts finds its port |
//! | `setDaemon`, `is…` | none: threads end with the process |
//! | `setConnectionLostTimeout`, `get…` | [`Options::keep_alive`] |
//! | `setWebSocketFactory(DefaultSSLWebSocketServerFactory / Custom… / SSLParameters…)` | [`Listener::tls`](net::listener::Listener::tls)`(`[`ServerTls`](net::tls::ServerTls)`)`: files with reload, mutual TLS, ALPN, resumption; plain and TLS listeners on one server |
//! | `getDraft()`, `getWebSocketFactory()` | none: there is one protocol, RFC 6455 |
//! | `onConnect(SelectionKey)` | [`Events::request`] with the address it came from |
//! | `onWebsocketHandshakeReceivedAsServer(conn, draft, request)` | [`Events::request`] gives a [`Verdict`](server::Verdict): refuse (status, text, headers), add headers, choose a sub-protocol, or answer [later](server::Request::later) |
//! | `getLocalSocketAddress(conn)`, `getRemoteSocketAddress(conn)` | [`Server::address`]; [`Opening::peer`](server::Opening) |
//!
//! # `WebSocket`: a connection
//!
//! | Java-WebSocket | here, in a server | in a client |
//! | --- | --- | --- |
//! | `send(String)`, `send(byte[])`, `send(ByteBuffer)` | [`Connection::send`]; from elsewhere [`Peer::send`] | [`WebSocket::send`], [`WebSocket::try_send`] |
//! | `sendFragmentedFrame(op, buffer, fin)` | [`Connection::begin`], [`fragment`](Connection::fragment), [`finish`](Connection::finish) | [`WebSocket::send_piece`](client::WebSocket::send_piece) |
//! | `sendFrame(Framedata)`, `sendFrame(Collection)` | the calls for messages, fragments, pings and closes; frames that break the protocol cannot be sent | the same |
//! | `sendPing()`, `onPreparePing()` | [`Connection::ping`]`(payload)` | [`WebSocket::ping`] |
//! | `close()`, `close(code)`, `close(code, message)` | [`Connection::close`], [`Peer::close`] | [`WebSocket::close`], [`Sender::close`](client::Sender::close) |
//! | `closeConnection(code, message)` | [`Connection::terminate`] | dropping the socket |
//! | `hasBufferedData()` | [`Connection::outbox_bytes`], [`Events::drained`] | [`WebSocket::ready`], [`WebSocket::flush`] |
//! | `isOpen()`, `isClosing()`, `isClosed()`, `isFlushAndClose()`, `getReadyState()` | [`Connection::is_open`] | [`WebSocket::closed`] |
//! | `getResourceDescriptor()` | [`Opening::head`](server::Opening), its `target()` and `path()` | what you connected to |
//! | `setAttachment`, `getAttachment` | [`Connection::state_mut`], [`Connection::state`]: typed | a field of yours |
//! | `getProtocol()` | [`Opening::protocol`](server::Opening) | [`WebSocket::protocol`] |
//! | `getRemoteSocketAddress()`, `getLocalSocketAddress()` | [`Opening::peer`](server::Opening), [`Server::address`] | [`WebSocket::stream`](client::WebSocket::stream) |
//! | `hasSSLSupport()`, `getSSLSession()` | the [listener](net::listener::Listener) it came in at | [`WebSocket::stream`](client::WebSocket::stream) |
//! | `getDraft()` | none | none |
//! | `onWebsocketPing`, `onWebsocketPong` | [`Events::ping`], [`Events::pong`] | [`client::Events::pong`] |
//! | `onWriteDemand` | [`Events::drained`] | [`WebSocket::ready`] |
//!
//! # `WebSocketClient`
//!
//! | Java-WebSocket | here |
//! | --- | --- |
//! | `new WebSocketClient(uri)` | [`client::connect`]`(url).await?`, or with call-backs [`ConnectOptions::run`], [`ConnectOptions::start`] |
//! | `… (uri, headers)`, `addHeader`, `removeHeader`, `clearHeaders` | [`ConnectOptions::header`] |
//! | `… (uri, draft, headers, connectTimeout)` | [`ConnectOptions::connect_timeout`], [`ConnectOptions::handshake_timeout`] |
//! | `connect()`, `run()` | [`ConnectOptions::start`] |
//! | `connectBlocking()`, `connectBlocking(timeout, unit)` | [`ConnectOptions::connect`] |
//! | `reconnect()`, `reconnectBlocking()` | [`Reconnect`](client::Reconnect): by itself, with full jitter, and stopped by `close` from anywhere |
//! | `close()`, `closeBlocking()` | [`Sender::close`](client::Sender::close); [`WebSocket::close`] waits for the end, [`Sender::ended`](client::Sender::ended) too |
//! | `onOpen(handshake)`, `onMessage`, `onClose(code, reason, remote)`, `onError` | [`client::Events`]: [`open`](client::Events::open), [`message`](client::Events::message), [`close`](client::Events::close), [`error`](client::Events::error) |
//! | `onClosing`, `onCloseInitiated` | none: `close` follows within [`ConnectOptions::close_timeout`] |
//! | `onWebsocketHandshakeReceivedAsClient`, `onWebsocketHandshakeSentAsClient` | [`ConnectError`](client::ConnectError) says what was wrong with the answer |
//! | `setConnectionLostTimeout` | [`ConnectOptions::keep_alive`] |
//! | `setProxy(proxy)` | [`ConnectOptions::proxy`]: HTTP CONNECT and SOCKS 5; [`proxy_from_environment`](ConnectOptions::proxy_from_environment) |
//! | `setDnsResolver(resolver)` | [`ConnectOptions::resolver`] |
//! | `setSocket(socket)`, `setSocketFactory(factory)` | [`ConnectOptions::handshake`] over any stream; [`ConnectOptions::tls`] |
//! | `onSetSSLParameters(parameters)` | [`Tls::from_config`](client::Tls::from_config); names are verified by default |
//! | `setTcpNoDelay`, `setReuseAddr`, `setReceiveBufferSize`, `setDaemon` | [`ConnectOptions::nodelay`], [`ConnectOptions::tcp_buffers`] |
//! | `getURI()`, `getSocket()`, `getConnection()`, `getDraft()` | [`WebSocket::stream`](client::WebSocket::stream) |
//!
//! # `Draft_6455`, extensions and sub-protocols
//!
//! | Java-WebSocket | here |
//! | --- | --- |
//! | `new Draft_6455(extension)` with `PerMessageDeflateExtension` | [`Options::compression`], [`ConnectOptions::compression`] |
//! | `setThreshold`, `setServerNoContextTakeover`, `setClientNoContextTakeover`, the level of `(int)` | the fields of [`Compression`](net::Compression) |
//! | `getCompressionRatio()` | none: `wavecast bench fanout` prints bytes on the wire |
//! | `new Draft_6455(extensions, protocols)`, `Protocol` | [`Verdict::with_protocols`](server::Verdict::with_protocols); [`ConnectOptions::protocol`] |
//! | `new Draft_6455(…, maxFrameSize)` | [`Limits`](net::websocket::Limits): head, frame, message, fragments |
//! | `CloseFrame.NORMAL` and the other codes | [`CloseCode`](net::CloseCode) |
//! | `WebsocketNotConnectedException` | [`SendError::Closed`](server::SendError) |
//! | `InvalidDataException`, `InvalidFrameException`, `LimitExceededException` | [`ProtocolError`](client::ProtocolError), in the error event |
//!
//! [`Server::bind`]: net::server::Server::bind
//! [`Server::bind_with`]: net::server::Server::bind_with
//! [`Server::listen`]: net::server::Server::listen
//! [`Server::start`]: net::server::Server::start
//! [`Server::run`]: net::server::Server::run
//! [`Server::address`]: net::server::Server::address
//! [`Running::drain`]: net::server::Running::drain
//! [`Running::join`]: net::server::Running::join
//! [`Running::address`]: net::server::Running::address
//! [`Handle::drain`]: net::server::Handle::drain
//! [`Handle::peers`]: net::server::Handle::peers
//! [`Handle::connections`]: net::server::Handle::connections
//! [`Handle::broadcast`]: net::server::Handle::broadcast
//! [`Handle::send_to`]: net::server::Handle::send_to
//! [`Peer::send`]: net::server::Peer::send
//! [`Peer::close`]: net::server::Peer::close

#[allow(unused_imports, reason = "the links above name them")]
use crate::net::{
    self, MessageRef, Options,
    client::{self, ConnectOptions, WebSocket},
    server::{self, Connection, Events, Handle, Peer, Running, Server},
};
