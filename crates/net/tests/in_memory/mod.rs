//! TLS without a socket: a session of ours and a client of rustls's hand each other their bytes.

use rustls::ClientConnection;
use wavecast_net::tls::{ServerTls, Session};

/// Shakes hands, whichever version it is.
pub(crate) fn shake_hands(client: &mut ClientConnection, tls: &ServerTls) -> Session {
    let mut session = tls.session().unwrap();
    let (mut plain, mut answer) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        session.receive(&mut wire, &mut plain, &mut answer).unwrap();
        let bytes = std::mem::take(&mut answer);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    assert!(!session.is_handshaking() && plain.is_empty());
    session
}
