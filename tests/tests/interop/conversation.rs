//! What every pair of a client and a server has to get right.
//!
//! Both ends are driven and listened to, so that nothing rests on an echo.

use crate::end::{Abilities, Ask, Deflate, End, Heard, Kind, Library, Opened, Say};

/// A connection with both its ends in the hands of the test.
struct Pair {
    client: Box<dyn End>,
    server: Box<dyn End>,
    client_can: Abilities,
    server_can: Abilities,
}

const PLAIN: Deflate = Deflate::Off;

impl Pair {
    fn open(client: &dyn Library, server: &dyn Library, deflate: Deflate) -> Self {
        let (origin, mut server_end) = server.serve(deflate);
        let url = format!("{origin}/some/path?and=query");
        let ask = Ask { url, protocols: &[], who: "somebody", deflate };
        let mut client_end = client.connect(&ask);
        let opened = (client_end.hear(), server_end.hear());
        let (Heard::Open(at_client), Heard::Open(at_server)) = &opened else {
            panic!("not open: {opened:?}")
        };
        assert_eq!(
            (at_client.deflate, at_server.deflate),
            (deflate.is_on(), deflate.is_on()),
            "compression is agreed on"
        );
        assert_eq!((&at_client.protocol, &at_server.protocol), (&None, &None));
        let (client_can, server_can) = (client.abilities_of_client(), server.abilities());
        Self { client: client_end, server: server_end, client_can, server_can }
    }

    /// Each end says it, and the other hears it.
    fn both_ways(&mut self, say: Say<'_>, heard: &Heard) {
        self.client.say(say);
        assert_eq!(self.server.hear(), *heard, "from the client");
        self.server.say(say);
        assert_eq!(self.client.hear(), *heard, "from the server");
    }

    fn text(&mut self, text: &str) {
        self.both_ways(Say::Text(text), &Heard::Text(text.to_owned()));
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.both_ways(Say::Binary(bytes), &Heard::Binary(bytes.to_vec()));
    }
}

/// Bytes that no alphabet has all of, and that a compressor finds something in.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * n / 7 + n) as u8).collect()
}

/// Small, empty, and around the borders of the three length encodings (RFC 6455 §5.2).
pub(crate) fn messages(client: &dyn Library, server: &dyn Library, deflate: Deflate) {
    let mut pair = Pair::open(client, server, deflate);
    pair.text("hello");
    pair.text("Grüße, привет, 你好, 👋🏽");
    pair.text("");
    pair.binary(&[]);
    for length in [1, 125, 126, 127, 4_095, 65_535, 65_536, 100_000] {
        pair.binary(&bytes(length));
        pair.text(&"é€".repeat(length / 5 + 1));
    }
}

/// A message of 1 MiB, larger than every buffer on the way.
pub(crate) fn large_messages(client: &dyn Library, server: &dyn Library, deflate: Deflate) {
    let mut pair = Pair::open(client, server, deflate);
    pair.binary(&bytes(1 << 20));
    pair.text(&"0123456789abcdé\n".repeat((1 << 20) / 17));
}

/// Many messages, all on the way before the first is looked at, keep their order.
pub(crate) fn bursts(client: &dyn Library, server: &dyn Library, deflate: Deflate) {
    let mut pair = Pair::open(client, server, deflate);
    let numbers: Vec<String> = (0..200).map(|n| format!("{n} {}", "x".repeat(n * 5))).collect();
    for text in &numbers {
        pair.client.say(Say::Text(text));
        pair.server.say(Say::Text(text));
    }
    for text in &numbers {
        assert_eq!(pair.server.hear(), Heard::Text(text.clone()));
        assert_eq!(pair.client.hear(), Heard::Text(text.clone()));
    }
}

/// Messages in several frames, small, empty and large ones.
pub(crate) fn fragments(client: &dyn Library, server: &dyn Library, deflate: Deflate) {
    let mut pair = Pair::open(client, server, deflate);
    let large = bytes(300_000);
    let text: [&[u8]; 4] = ["Grü".as_bytes(), b"", "ße, ".as_bytes(), "你好".as_bytes()];
    let binary: [&[u8]; 4] = [b"", &large[..10], &large[10..200_000], &large[200_000..]];
    for (kind, parts) in [(Kind::Text, text), (Kind::Binary, binary)] {
        let whole = parts.concat();
        let heard = match kind {
            Kind::Text => Heard::Text(String::from_utf8(whole).expect("text")),
            Kind::Binary => Heard::Binary(whole),
        };
        if pair.client_can.sends_fragments {
            pair.client.say(Say::Fragments(kind, &parts));
            assert_eq!(pair.server.hear(), heard, "from the client");
        }
        if pair.server_can.sends_fragments || pair.server_can.answers_in_fragments {
            pair.server.say(Say::Fragments(kind, &parts));
            if pair.server_can.answers_in_fragments {
                pair.client.say(Say::Text("go on"));
                assert_eq!(pair.server.hear(), Heard::Text("go on".to_owned()));
            }
            assert_eq!(pair.client.hear(), heard, "from the server");
        }
    }
    pair.text("and whole again");
}

/// A ping comes back as a pong with the same payload, as often as it is sent.
pub(crate) fn pings(client: &dyn Library, server: &dyn Library) {
    let mut pair = Pair::open(client, server, PLAIN);
    let long = [b'p'; 125];
    for payload in [b"".as_slice(), b"are you there?", &long, b"again"] {
        let Pair { client, server, client_can, server_can } = &mut pair;
        ping((&mut **client, *client_can), (&mut **server, *server_can), payload);
        ping((&mut **server, *server_can), (&mut **client, *client_can), payload);
        pair.text("in between");
    }
}

fn ping(
    (from, from_can): (&mut dyn End, Abilities),
    (to, to_can): (&mut dyn End, Abilities),
    payload: &[u8],
) {
    if !from_can.sends_pings {
        return;
    }
    from.say(Say::Ping(payload));
    if to_can.shows_pings {
        assert_eq!(to.hear(), Heard::Ping(payload.to_vec()));
    }
    if from_can.shows_pongs {
        assert_eq!(from.hear(), Heard::Pong(payload.to_vec()));
    }
}

/// Times that a library which may lose its close frame is given to send one.
const CLOSES_MAX: usize = 5;

/// The client closes: the server hears code and reason, and both hear that it is over.
pub(crate) fn closing_by_the_client(client: &dyn Library, server: &dyn Library) {
    for (code, reason) in [(1000, "done"), (4321, "Grüße"), (3000, "")] {
        let mut attempts = if client.abilities_of_client().may_lose_its_close { CLOSES_MAX } else { 1 };
        loop {
            attempts -= 1;
            let Pair { client, server, .. } = &mut Pair::open(client, server, PLAIN);
            client.say(Say::Text("last words"));
            client.say(Say::Close(code, reason));
            assert_eq!(server.hear(), Heard::Text("last words".to_owned()));
            let heard = server.hear();
            if attempts > 0 && matches!(heard, Heard::Error(_)) {
                continue;
            }
            close_heard(heard, &mut **client, code, reason);
            break;
        }
    }
}

/// The server closes: as above, the other way round.
pub(crate) fn closing_by_the_server(client: &dyn Library, server: &dyn Library) {
    let longest = "r".repeat(123);
    for (code, reason) in [(1000, "done"), (1001, "going away"), (4999, "Grüße"), (1011, &longest)] {
        let Pair { client, server, .. } = &mut Pair::open(client, server, PLAIN);
        server.say(Say::Text("last words"));
        server.say(Say::Close(code, reason));
        assert_eq!(client.hear(), Heard::Text("last words".to_owned()));
        close_heard(client.hear(), &mut **server, code, reason);
    }
}

/// `told` is what the end that did not begin has heard.
fn close_heard(told: Heard, began: &mut dyn End, code: u16, reason: &str) {
    match told {
        Heard::Close(got, why, here) => {
            assert_eq!((got, why.as_str()), (code, reason));
            assert_ne!(here, Some(true), "the other end began");
        }
        other => panic!("no close: {other:?}"),
    }
    // The answer carries the code; its reason is free.
    match began.hear() {
        Heard::Close(got, _, here) => {
            assert_eq!(got, code);
            assert_ne!(here, Some(false), "this end began");
        }
        other => panic!("no close: {other:?}"),
    }
}

/// A sub-protocol is agreed on, and headers of both heads arrive.
pub(crate) fn handshakes(client: &dyn Library, server: &dyn Library) {
    let (client_can, server_can) = (client.abilities_of_client(), server.abilities());
    let offers: [(&[&str], _); 3] =
        [(&["chat.v2"], true), (&["chat.v1", "chat.v2", "x"], true), (&[], false)];
    for (protocols, agreed) in offers {
        let (origin, mut server_end) = server.serve(PLAIN);
        let ask = Ask { url: format!("{origin}/"), protocols, who: "ann, bob; \"c\"", deflate: PLAIN };
        let mut client_end = client.connect(&ask);
        let protocol = agreed.then(|| "chat.v2".to_owned());
        let who = if client_can.sends_headers { ask.who } else { "" };
        let greeting = if client_can.shows_headers { format!("hello {who}") } else { String::new() };
        let heard = client_end.hear();
        assert_eq!(
            heard,
            Heard::Open(Opened { protocol: protocol.clone(), header: greeting, deflate: false })
        );
        if server_can.sends_headers {
            let opened = Opened { protocol, header: who.to_owned(), deflate: false };
            assert_eq!(server_end.hear(), Heard::Open(opened));
        }
    }
}

/// A server that refuses: the client hears the status, and the server goes on.
pub(crate) fn refusals(client: &dyn Library, server: &dyn Library) {
    let (origin, mut server_end) = server.serve(PLAIN);
    let ask = Ask { url: format!("{origin}/refused"), protocols: &[], who: "you", deflate: PLAIN };
    let heard = client.connect(&ask).hear();
    let status = if client.abilities_of_client().shows_status { server.abilities().refuses_with } else { 0 };
    assert_eq!(heard, Heard::Refused(status));
    let ask = Ask { url: format!("{origin}/welcome"), ..ask };
    let mut client_end = client.connect(&ask);
    for end in [&mut client_end, &mut server_end] {
        let heard = end.hear();
        assert!(matches!(heard, Heard::Open(_)), "{heard:?}");
    }
}
