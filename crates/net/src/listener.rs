//! Addresses that several shards listen on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted, for each shard; the kernel's `somaxconn` may be lower.
const BACKLOG: i32 = 4096;

/// Bytes that the kernel may hold unsent for a connection (`TCP_NOTSENT_LOWAT`): what waits beyond them waits in an
/// outbox, where a policy can reach it.
pub const UNSENT_BYTES: u32 = 128 * 1024;

/// Binds `count` listeners to one address. Where the system has `SO_REUSEPORT`, each shard gets its own queue and the
/// kernel spreads new connections over them; elsewhere there is one listener for all.
///
/// A plain bind comes first: with `SO_REUSEPORT` alone a second server on the same port would start without a word and
/// take half of the connections.
///
/// # Errors
/// What the kernel says: most often that the address is in use.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let plain = open(address, false)?;
    // Port 0 has become a real one by now; all listeners share it.
    let address = plain.local_addr()?;
    if count <= 1 || !cfg!(target_os = "linux") {
        return Ok(vec![plain]);
    }
    drop(plain);
    (0..count).map(|_| open(address, true)).collect()
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
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
    // Accepted sockets inherit both options on Linux: no system call per connection.
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_an_error_and_not_half_of_the_connections() {
        let first = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = first[0].local_addr().unwrap();
        assert_eq!(first.iter().map(|l| l.local_addr().unwrap()).collect::<Vec<_>>(), vec![address; 2]);
        assert_eq!(bind(address, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
