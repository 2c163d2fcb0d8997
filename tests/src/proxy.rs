//! A TCP proxy on loopback whose link can be cut, and whose server can be another one afterwards.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A proxy; it ends with its last link when dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Where new connections lead; `None`: the link is cut.
    server: Option<SocketAddr>,
    /// Both ends of everything that passes.
    ends: Vec<TcpStream>,
    over: bool,
}

impl Proxy {
    /// Starts a proxy on a free port that leads to `server`.
    ///
    /// # Panics
    /// If there is no port to listen on.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let state = State { server: Some(server), ends: Vec::new(), over: false };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = lock(&shared);
                if state.over {
                    return;
                }
                // A peer that comes while the link is cut is dropped at once.
                let Some(server) = state.server else { continue };
                if let Ok(far) = TcpStream::connect(server) {
                    let _ = pass(&near, &far, &mut state.ends);
                }
            }
        });
        Self { address, state }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and lets no new one through.
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.server = None;
        for end in state.ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Leads new connections to this server.
    pub fn lead_to(&self, server: SocketAddr) {
        lock(&self.state).server = Some(server);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        lock(&self.state).over = true;
        let _ = TcpStream::connect(self.address);
    }
}

/// Copies both ways on threads of their own.
fn pass(near: &TcpStream, far: &TcpStream, ends: &mut Vec<TcpStream>) -> io::Result<()> {
    for (from, to) in [(near, far), (far, near)] {
        from.set_nodelay(true)?;
        let (mut reader, mut writer) = (from.try_clone()?, to.try_clone()?);
        ends.push(from.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut reader, &mut writer);
            let _ = writer.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
