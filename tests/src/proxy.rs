//! A TCP proxy on loopback whose link can be cut or held up, and whose server can be another one afterwards.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A proxy; it ends with its last link when dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    goes_on: Condvar,
}

#[derive(Default)]
struct State {
    /// Where new connections lead; `None`: the link is cut.
    server: Option<SocketAddr>,
    /// Both ends of everything that passes.
    ends: Vec<TcpStream>,
    /// Connections that were let through so far.
    links: usize,
    /// Nothing passes, and nothing is taken in.
    is_held_up: bool,
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
        let shared = Arc::<Shared>::default();
        shared.lock().server = Some(server);
        let proxy = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock();
                if state.over {
                    return;
                }
                // A peer that comes while the link is cut is dropped at once.
                let Some(server) = state.server else { continue };
                if let Ok(far) = TcpStream::connect(server) {
                    state.links += 1;
                    let _ = pass(&near, &far, &mut state.ends, &shared);
                }
            }
        });
        proxy
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has let through so far.
    #[must_use]
    pub fn links(&self) -> usize {
        self.shared.lock().links
    }

    /// Ends every connection and lets no new one through.
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        state.server = None;
        state.is_held_up = false;
        self.shared.goes_on.notify_all();
        for end in state.ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Leads new connections to this server.
    pub fn lead_to(&self, server: SocketAddr) {
        self.shared.lock().server = Some(server);
    }

    /// Lets nothing through until [`Proxy::go_on`] or [`Proxy::cut`]; both ends stay connected. What the kernel takes in for
    /// somebody who does not read, some 100 KB, stands in its buffers.
    pub fn hold_up(&self) {
        self.shared.lock().is_held_up = true;
    }

    /// Lets everything through again.
    pub fn go_on(&self) {
        self.shared.lock().is_held_up = false;
        self.shared.goes_on.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.shared.lock().over = true;
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns while nothing is held up.
    fn wait(&self) {
        let held_up = |state: &mut State| state.is_held_up;
        drop(self.goes_on.wait_while(self.lock(), held_up).unwrap_or_else(PoisonError::into_inner));
    }

    /// Copies what comes, until one of both ends or fails.
    fn copy(&self, reader: &mut TcpStream, writer: &mut TcpStream) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            self.wait();
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            // It may have been held up while this was on its way.
            self.wait();
            writer.write_all(&buffer[..count])?;
        }
    }
}

/// Copies both ways on threads of their own.
fn pass(
    near: &TcpStream,
    far: &TcpStream,
    ends: &mut Vec<TcpStream>,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    for (from, to) in [(near, far), (far, near)] {
        from.set_nodelay(true)?;
        let (mut reader, mut writer, shared) = (from.try_clone()?, to.try_clone()?, Arc::clone(shared));
        ends.push(from.try_clone()?);
        thread::spawn(move || {
            let _ = shared.copy(&mut reader, &mut writer);
            let _ = writer.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
