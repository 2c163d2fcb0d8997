//! The grammar of extensions (RFC 6455 §9.1).

use wavecast_websocket::handshake::{InvalidExtensions, parse_extensions};

/// Each extension as its name and parameters, written the one way.
fn parse(value: &str) -> Result<Vec<String>, InvalidExtensions> {
    let mut offers = Vec::new();
    parse_extensions(value.as_bytes(), &mut offers)?;
    let write = |offer: &wavecast_websocket::handshake::ExtensionOffer<'_>| {
        offer.parameters.iter().fold(offer.name.to_owned(), |text, parameter| match &parameter.value {
            Some(value) => format!("{text};{}={value}", parameter.name),
            None => format!("{text};{}", parameter.name),
        })
    };
    Ok(offers.iter().map(write).collect())
}

#[test]
fn valid_lists() {
    for (value, expected) in [
        ("deflate-stream", &["deflate-stream"][..]),
        (
            "mux; max-channels=4; flow-control, deflate-stream",
            &["mux;max-channels=4;flow-control", "deflate-stream"],
        ),
        ("private-extension", &["private-extension"]),
        ("foo,\tbar; baz=2", &["foo", "bar;baz=2"]),
        ("a;b=\"c\"", &["a;b=c"]),
        ("a;b=\"c\\d\\\\e\"", &[]), // a backslash is not a token, unescaped or not
        ("a ; b = \"x\\yz\" ", &["a;b=xyz"]),
        (",, a ,, b,", &["a", "b"]),
        ("a;x;x;x=1", &["a;x;x;x=1"]),
        ("permessage-deflate; client_max_window_bits", &["permessage-deflate;client_max_window_bits"]),
    ] {
        if expected.is_empty() {
            assert_eq!(parse(value), Err(InvalidExtensions), "{value}");
        } else {
            assert_eq!(parse(value).unwrap(), expected, "{value}");
        }
    }
}

#[test]
fn invalid_lists() {
    for value in [
        "",
        " ",
        ",",
        ";",
        "a;",
        "a;;b",
        "a b",
        "a;b=",
        "a;=b",
        "=",
        "a=b",
        "a;b=\"\"",
        "a;b=\"c",
        "a;b=\"c d\"",
        "a;b=\"c\\\"",
        "a;b=c d",
        "a;b=\"c\"d",
        "ä",
        "a/b",
        "a;b=(c)",
    ] {
        assert_eq!(parse(value), Err(InvalidExtensions), "{value:?}");
    }
}
