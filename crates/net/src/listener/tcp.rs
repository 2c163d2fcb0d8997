//! TCP addresses that several shards listen on, and the options of their connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Bytes that the kernel may hold unsent for a connection (`TCP_NOTSENT_LOWAT`): what waits beyond them waits in an
/// outbox, where a policy can reach it.
pub const UNSENT_BYTES: u32 = 128 * 1024;

/// Options of the TCP connections of a listener. They are set at the listener and inherited: no system call a connection.
/// (On Linux. On other systems what a connection does not inherit stays at the system's default.) Fast open is not among
/// them: a WebSocket client has nothing to say that it could win by it but the first bytes of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// What is sent goes out at once and does not wait for acknowledgements of what went before. Default yes.
    pub nodelay: bool,
    /// Whether the kernel asks silent peers if they are there. Default no: the keep-alive of WebSocket does, and notices
    /// when the peer's program hangs, too.
    pub keep_alive: Option<KeepAlive>,
    /// Time for a peer to acknowledge what was sent; then the connection breaks. Linux only. Default: some 15 minutes, the
    /// kernel's own.
    pub user_timeout: Option<Duration>,
    /// Bytes of the kernel's buffer for what is sent and not acknowledged, of each connection. Default: the kernel lets it
    /// grow. The kernel takes twice as many, for its own account, and has bounds (`net.core.wmem_max`).
    pub send_buffer_bytes: Option<usize>,
    /// Bytes of the kernel's buffer for what has come in and was not read. Default and bounds as above
    /// (`net.core.rmem_max`).
    pub receive_buffer_bytes: Option<usize>,
    /// Bytes that the kernel may hold unsent for a connection (`TCP_NOTSENT_LOWAT`, Linux): beyond them it asks for more
    /// only when they have gone. Default [`UNSENT_BYTES`]; `None`: as many as its buffer takes.
    pub unsent_bytes: Option<u32>,
}

/// When the kernel asks a silent peer whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence after which it asks; whole seconds.
    pub time: Duration,
    /// Time between two questions; whole seconds.
    pub interval: Duration,
    /// Questions without an answer after which the connection breaks.
    pub retries: u32,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keep_alive: None,
            user_timeout: None,
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            unsent_bytes: Some(UNSENT_BYTES),
        }
    }
}

/// Binds `count` listeners to one address. Where the system has `SO_REUSEPORT`, each shard gets its own queue and the
/// kernel spreads new connections over them; elsewhere there is one listener for all.
///
/// A plain bind comes first: with `SO_REUSEPORT` alone a second server on the same port would start without a word and
/// take half of the connections.
pub(super) fn bind(
    address: SocketAddr,
    count: usize,
    backlog: i32,
    options: &TcpOptions,
) -> io::Result<Vec<TcpListener>> {
    let plain = open(address, false, backlog, options)?;
    // Port 0 has become a real one by now; all listeners share it.
    let address = plain.local_addr()?;
    if count <= 1 || !cfg!(target_os = "linux") {
        return Ok(vec![plain]);
    }
    drop(plain);
    (0..count).map(|_| open(address, true, backlog, options)).collect()
}

fn open(address: SocketAddr, shared: bool, backlog: i32, options: &TcpOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that restarts finds its port even while old connections time out.
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    if shared {
        socket.set_reuse_port(true)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = shared;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Before it listens: the window that a connection offers follows from its buffer.
    set(&SockRef::from(&socket), options)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Sets the options at a listener that is there already.
pub(super) fn set_options(listener: &TcpListener, options: &TcpOptions) -> io::Result<()> {
    set(&SockRef::from(listener), options)
}

fn set(socket: &SockRef<'_>, options: &TcpOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.nodelay)?;
    if let Some(KeepAlive { time, interval, retries }) = options.keep_alive {
        let keep_alive = TcpKeepalive::new().with_time(time).with_interval(interval);
        socket.set_tcp_keepalive(&keep_alive.with_retries(retries))?;
    }
    if let Some(bytes) = options.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    #[cfg(target_os = "linux")]
    {
        if let Some(timeout) = options.user_timeout {
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
        if let Some(bytes) = options.unsent_bytes {
            socket.set_tcp_notsent_lowat(bytes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::super::{Listener, Source};
    use super::*;

    fn listeners(listener: Listener, shards: usize) -> Vec<TcpListener> {
        let doors = listener.bind(shards).unwrap().into_doors();
        doors
            .into_iter()
            .map(|door| match door.source {
                Source::Tcp(listener) => listener,
                Source::Unix(..) => panic!("a TCP address was bound"),
            })
            .collect()
    }

    fn anywhere() -> Listener {
        Listener::tcp("127.0.0.1:0".parse().unwrap())
    }

    #[test]
    fn a_port_in_use_is_an_error_and_not_half_of_the_connections() {
        let first = listeners(anywhere(), 2);
        let address = first[0].local_addr().unwrap();
        assert_eq!(first.iter().map(|l| l.local_addr().unwrap()).collect::<Vec<_>>(), vec![address; 2]);
        assert_eq!(Listener::tcp(address).bind(2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_inherits_the_options_of_its_listener() {
        let keep_alive =
            KeepAlive { time: Duration::from_secs(33), interval: Duration::from_secs(7), retries: 4 };
        let options = TcpOptions {
            nodelay: true,
            keep_alive: Some(keep_alive),
            user_timeout: Some(Duration::from_millis(4500)),
            send_buffer_bytes: Some(30_000),
            receive_buffer_bytes: Some(20_000),
            unsent_bytes: Some(5_000),
        };
        let given = TcpListener::bind("127.0.0.1:0").unwrap();
        for listener in [anywhere(), given.into()] {
            let listener = listeners(listener.tcp_options(options.clone()), 1).remove(0);
            let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let accepted = listener.accept().unwrap().0;
            let socket = SockRef::from(&accepted);
            assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), keep_alive.time);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), keep_alive.interval);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), keep_alive.retries);
            assert_eq!(socket.tcp_user_timeout().unwrap(), options.user_timeout);
            assert_eq!(socket.send_buffer_size().unwrap(), 2 * 30_000);
            assert_eq!(socket.recv_buffer_size().unwrap(), 2 * 20_000);
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), 5_000);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn by_default_nothing_waits_for_acknowledgements_and_little_waits_in_the_kernel() {
        let listener = listeners(anywhere(), 1).remove(0);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = listener.accept().unwrap().0;
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap() && !socket.keepalive().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
    }
}
