//! `Sec-WebSocket-Extensions`: a list of extensions with parameters (RFC 6455 §9.1).

use super::token::is_token_byte;
use std::borrow::Cow;
use std::fmt;

/// One extension, offered by a client in its order of preference or accepted by a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionOffer<'h> {
    /// Its registered name.
    pub name: &'h str,
    /// Its parameters, in their order; a name may stand more than once.
    pub parameters: Vec<ExtensionParameter<'h>>,
}

/// A parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionParameter<'h> {
    /// Its name.
    pub name: &'h str,
    /// Its value, without quotes.
    pub value: Option<Cow<'h, str>>,
}

/// A value that does not follow the grammar of §9.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidExtensions;

impl fmt::Display for InvalidExtensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sec-WebSocket-Extensions must be a list of names with parameters (RFC 6455 section 9.1)")
    }
}

impl std::error::Error for InvalidExtensions {}

/// Appends the extensions of one field value to `offers`; a list may be spread over several fields.
///
/// ```
/// use wavecast_websocket::handshake::parse_extensions;
///
/// let mut offers = Vec::new();
/// parse_extensions(b"permessage-deflate; client_max_window_bits; server_max_window_bits=10", &mut offers)?;
/// assert_eq!(offers[0].name, "permessage-deflate");
/// assert_eq!(offers[0].parameters[1].value.as_deref(), Some("10"));
/// # Ok::<(), wavecast_websocket::handshake::InvalidExtensions>(())
/// ```
///
/// # Errors
/// [`InvalidExtensions`], for a list without an element too.
pub fn parse_extensions<'h>(
    value: &'h [u8],
    offers: &mut Vec<ExtensionOffer<'h>>,
) -> Result<(), InvalidExtensions> {
    let mut scanner = Scanner { rest: value };
    let before = offers.len();
    loop {
        // Empty elements of a list are to be ignored (RFC 9110 §5.6.1.2).
        while scanner.accept(b',') {}
        if scanner.is_at_end() {
            break;
        }
        offers.push(scanner.extension()?);
        if !scanner.is_at_end() && !scanner.accept(b',') {
            return Err(InvalidExtensions);
        }
    }
    if offers.len() == before { Err(InvalidExtensions) } else { Ok(()) }
}

struct Scanner<'h> {
    rest: &'h [u8],
}

impl<'h> Scanner<'h> {
    fn extension(&mut self) -> Result<ExtensionOffer<'h>, InvalidExtensions> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.accept(b';') {
            let name = self.token()?;
            let value = if self.accept(b'=') { Some(self.value()?) } else { None };
            parameters.push(ExtensionParameter { name, value });
        }
        Ok(ExtensionOffer { name, parameters })
    }

    fn value(&mut self) -> Result<Cow<'h, str>, InvalidExtensions> {
        if self.accept(b'"') { self.quoted().map(Cow::Owned) } else { self.token().map(Cow::Borrowed) }
    }

    /// What stands in quotes must, without them, be a token all the same.
    fn quoted(&mut self) -> Result<String, InvalidExtensions> {
        let mut value = String::new();
        loop {
            let (byte, rest) = match self.rest {
                [b'"', rest @ ..] if !value.is_empty() => {
                    self.rest = rest;
                    return Ok(value);
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] => (*byte, rest),
                [] => return Err(InvalidExtensions),
            };
            if !is_token_byte(byte) {
                return Err(InvalidExtensions);
            }
            value.push(char::from(byte));
            self.rest = rest;
        }
    }

    fn token(&mut self) -> Result<&'h str, InvalidExtensions> {
        self.skip_white_space();
        let len = self.rest.iter().take_while(|&&byte| is_token_byte(byte)).count();
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        match std::str::from_utf8(token) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(InvalidExtensions),
        }
    }

    fn accept(&mut self, wanted: u8) -> bool {
        self.skip_white_space();
        match self.rest {
            [byte, rest @ ..] if *byte == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_white_space();
        self.rest.is_empty()
    }

    fn skip_white_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}
