//! Offers, answers, and what is agreed on (RFC 7692 §5.1, §7.1).

use super::NAME;
use super::compression::Compression;
use super::parameters::Parameters;
use super::window::Window;
use crate::handshake::ExtensionOffer;

/// What both sides keep to on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How our messages may be compressed; each may also go plain.
    pub send: Window,
    /// How the peer's messages may be.
    pub receive: Window,
}

impl Compression {
    /// The server's choice among a client's offers, the client's most preferred first, and the value of
    /// `Sec-WebSocket-Extensions` that says so. `None`: no offer can be accepted, and the header is left out.
    ///
    /// The answer keeps a client that did not ask for it from context takeover unless
    /// [`receive_takeover`](Compression::receive_takeover) is set (§7.1.1.2 allows that).
    #[must_use]
    pub fn answer(&self, offers: &[ExtensionOffer<'_>]) -> Option<(Agreement, String)> {
        let offers = offers.iter().filter(|offer| offer.name == NAME);
        offers.filter_map(Parameters::read).find_map(|offer| self.accept(offer))
    }

    fn accept(&self, offer: Parameters) -> Option<(Agreement, String)> {
        let send_bits = offer.server_max_window_bits.unwrap_or(Window::BITS_MAX).min(self.send_bits());
        let send = Window::new(send_bits, self.send_takeover && !offer.server_no_context_takeover);
        // A client that does not say that it understands the limit must not be given one (§7.1.2.2).
        let receive_bits = match offer.client_max_window_bits {
            None if self.receive_bits() < Window::BITS_MAX => return None,
            None => Window::BITS_MAX,
            Some(offered) => offered.unwrap_or(Window::BITS_MAX).min(self.receive_bits()),
        };
        let receive = Window::new(receive_bits, self.receive_takeover && !offer.client_no_context_takeover);
        let answer = Parameters {
            server_no_context_takeover: !send.takeover(),
            client_no_context_takeover: !receive.takeover(),
            server_max_window_bits: (offer.server_max_window_bits.is_some() || send_bits < Window::BITS_MAX)
                .then_some(send_bits),
            client_max_window_bits: (receive_bits < Window::BITS_MAX).then_some(Some(receive_bits)),
        };
        Some((Agreement { send, receive }, answer.write()))
    }

    /// What a client offers: the value of `Sec-WebSocket-Extensions`.
    #[must_use]
    pub fn offer(&self) -> String {
        self.offered().write()
    }

    fn offered(&self) -> Parameters {
        let limit = |bits: u8| (bits < Window::BITS_MAX).then_some(bits);
        Parameters {
            server_no_context_takeover: !self.receive_takeover,
            client_no_context_takeover: !self.send_takeover,
            server_max_window_bits: limit(self.receive_bits()),
            client_max_window_bits: Some(limit(self.send_bits())),
        }
    }

    /// Holds a server's answer to what [`offer`](Self::offer) said. `Some(None)`: the server declined. `None`: it accepted
    /// what was not offered, or a parameter is wrong, and the connection must be failed (§5.1, §7.1).
    #[must_use]
    pub fn agreed(&self, accepted: &[ExtensionOffer<'_>]) -> Option<Option<Agreement>> {
        let [accepted] = accepted else { return accepted.is_empty().then_some(None) };
        if accepted.name != NAME {
            return None;
        }
        let (answer, offered) = (Parameters::read(accepted)?, self.offered());
        // What was asked of the server it must promise (§7.1.1.1, §7.1.2.1); it may promise more.
        if offered.server_no_context_takeover && !answer.server_no_context_takeover {
            return None;
        }
        let receive_bits = match (offered.server_max_window_bits, answer.server_max_window_bits) {
            (Some(_), None) => return None,
            (Some(most), Some(bits)) if bits > most => return None,
            (_, bits) => bits.unwrap_or(Window::BITS_MAX),
        };
        // In an answer the parameter needs its value, and it may only lower what was offered (§7.1.2.2).
        let send_bits = match answer.client_max_window_bits {
            None => self.send_bits(),
            Some(bits) => bits.filter(|bits| *bits <= self.send_bits())?,
        };
        Some(Some(Agreement {
            send: Window::new(send_bits, self.send_takeover && !answer.client_no_context_takeover),
            receive: Window::new(receive_bits, !answer.server_no_context_takeover),
        }))
    }
}
