//! Opening a connection without waiting for it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};

/// Begins to connect. The connection is reset when it is dropped, however the process ends, so that its port is free
/// at once: a run of tens of thousands would otherwise wait for ports in TIME_WAIT.
pub(super) fn begin(address: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        result => result?,
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// What became of it, once the socket is writable.
pub(super) fn check(stream: &TcpStream) -> Result<(), String> {
    match SockRef::from(stream).take_error().map_err(|error| error.to_string())? {
        Some(error) => Err(format!("connecting: {error}")),
        None => Ok(()),
    }
}
