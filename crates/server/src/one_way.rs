//! Sessions that go one way: all that their clients say stands in one request, and is carried out as commands are.
//!
//! The request is either the connect request of the protocol (`cf_connect`, a body, a first message), or a list of channels
//! in the address, to which the client is subscribed as by commands of its own. Where it left off stands beside it: in
//! `since`, or in `Last-Event-ID`, which browsers send by themselves.

use hyper::HeaderMap;
use serde_json::error::Category;
use wavecast_protocol::centrifuge::{
    Command, ConnectRequest, Disconnect, Encoding, Error, Request, SubscribeRequest,
};

use crate::asked::{Asked, connect_in};
use crate::position_list::{Place, PositionList};

/// What a client says, as commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Introduction {
    /// Commands, a line each.
    pub(crate) commands: Vec<u8>,
    /// How many they are: each is answered, by a push.
    pub(crate) count: usize,
    /// Where the client left off.
    pub(crate) places: PositionList,
}

impl Introduction {
    /// From an address: `cf_connect` if it stands there, else a list of channels.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed.
    pub(crate) fn of_query(
        query: &str,
        fields: &HeaderMap,
        last: &PositionList,
        channels_max: usize,
    ) -> Result<Self, String> {
        match connect_in(query)? {
            Some(request) => Self::of_connect(request.as_bytes(), last),
            None => Ok(Self::of_channels(&Asked::of(query, fields, channels_max)?, last)),
        }
    }

    /// From a list of channels and a token. Positions in channels that are not in the list are for those that the server
    /// subscribes the client to.
    pub(crate) fn of_channels(asked: &Asked<'_>, last: &PositionList) -> Self {
        let places = if last.is_empty() { &asked.since } else { last };
        let is_asked = |place: &&Place| asked.channels.contains(&place.channel);
        let subs = places.iter().filter(|place| !is_asked(place)).map(recovering).collect();
        let connect = ConnectRequest { token: (&*asked.token).into(), subs, ..ConnectRequest::default() };
        let mut introduction = Self { commands: Vec::new(), count: 0, places: places.clone() };
        introduction.push(Request::Connect(connect));
        for channel in &asked.channels {
            let request = match places.get(channel) {
                Some(place) => recovering(place).1,
                None => SubscribeRequest {
                    channel: (&**channel).into(),
                    recoverable: true,
                    positioned: true,
                    ..SubscribeRequest::default()
                },
            };
            introduction.push(Request::Subscribe(request));
        }
        introduction
    }

    /// From a connect request in JSON. Positions that it does not name itself are added to it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of_connect(request: &[u8], last: &PositionList) -> Result<Self, String> {
        let problem = |problem: &dyn std::fmt::Display| {
            format!("The connect request is a JSON object ({{}}, {{\"token\":\"…\"}}): {problem}.")
        };
        // Where it is wrong, and nothing of what stands there: it may be a token.
        let mut request: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(request)
            .map_err(|error| match error.classify() {
                Category::Data => problem(&"it is another value"),
                _ => problem(&format_args!(
                    "it is not JSON at line {}, column {}",
                    error.line(),
                    error.column()
                )),
            })?;
        if !last.is_empty() {
            let subs = request.entry("subs").or_insert_with(|| serde_json::json!({}));
            let subs = subs.as_object_mut().ok_or_else(|| problem(&"`subs` is an object"))?;
            for Place { channel, position } in last {
                let place = serde_json::json!({
                    "recover": true, "offset": position.offset, "epoch": &*position.epoch
                });
                subs.entry(String::from(&**channel)).or_insert(place);
            }
        }
        let line = serde_json::json!({ "id": 1, "connect": request }).to_string();
        // What is wrong with its fields is told at once, and not by the end of the session.
        match Encoding::Json.commands(line.as_bytes()).next() {
            Some(Ok(_)) => Ok(Self { commands: line.into_bytes(), count: 1, places: last.clone() }),
            Some(Err(error)) => Err(problem(&error)),
            None => Err(problem(&"it is empty")),
        }
    }

    fn push(&mut self, request: Request<'_>) {
        if self.count > 0 {
            Encoding::Json.separate(&mut self.commands);
        }
        self.count += 1;
        let id = u32::try_from(self.count).unwrap_or(u32::MAX);
        Encoding::Json.encode_command(&Command { id, request }, &mut self.commands);
    }
}

fn recovering(place: &Place) -> (std::borrow::Cow<'_, str>, SubscribeRequest<'_>) {
    let Place { channel, position } = place;
    let channel = std::borrow::Cow::Borrowed(&**channel);
    let request = SubscribeRequest {
        channel: channel.clone(),
        recover: true,
        recoverable: true,
        positioned: true,
        offset: position.offset,
        epoch: (&*position.epoch).into(),
        ..SubscribeRequest::default()
    };
    (channel, request)
}

/// What ends the session of a client whose command was refused: it hears of nothing but ends.
pub(crate) fn end_of(error: &Error) -> Disconnect {
    let end = match error.code {
        100 => Disconnect::SERVER_ERROR,
        102 | 108 => Disconnect::NOT_AVAILABLE,
        103 => Disconnect::PERMISSION_DENIED,
        106 => Disconnect::CHANNEL_LIMIT,
        109 | 110 => Disconnect::EXPIRED,
        111 => Disconnect::TOO_MANY_REQUESTS,
        _ if error.temporary => Disconnect::SERVER_ERROR,
        _ => Disconnect::BAD_REQUEST,
    };
    Disconnect { reason: error.message.clone(), ..end }
}

/// The status of an answer to a request whose session ends before it stands.
pub(crate) const fn status(code: u32) -> u16 {
    match code {
        3005 | 3500 => 401,
        3501 | 3505 | 3506 => 400,
        3013 | 3504 => 429,
        3508 => 404,
        3502 => 408,
        3500..=3999 | 4500..=4999 => 403,
        _ => 503,
    }
}

/// What such an answer says.
pub(crate) fn refusal(code: u32, reason: &str) -> String {
    format!("{}\n", serde_json::json!({ "disconnect": { "code": code, "reason": reason } }))
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    fn lines(introduction: &Introduction) -> Vec<&str> {
        let lines: Vec<_> = std::str::from_utf8(&introduction.commands).unwrap().lines().collect();
        assert_eq!(lines.len(), introduction.count);
        lines
    }

    #[test]
    fn channels_are_subscribed_to_from_where_the_client_left_off() {
        let fields = HeaderMap::new();
        let asked = Asked::of("channels=a,b%2Cc&token=t&since=a:7:e", &fields, 10).unwrap();
        let introduction = Introduction::of_channels(&asked, &PositionList::default());
        assert_eq!(
            lines(&introduction),
            [
                r#"{"id":1,"connect":{"token":"t"}}"#,
                r#"{"id":2,"subscribe":{"channel":"a","recover":true,"epoch":"e","offset":7,"positioned":true,"recoverable":true}}"#,
                r#"{"id":3,"subscribe":{"channel":"b,c","positioned":true,"recoverable":true}}"#,
            ]
        );
        // What the browser remembers is newer, and the server has given a channel of its own.
        let last = PositionList::parse("a:9:e,mine:2:f", 10).unwrap();
        let introduction = Introduction::of_channels(&asked, &last);
        let lines = lines(&introduction);
        assert!(lines[0].contains(r#""subs":{"mine":{"channel":"mine","recover":true"#), "{}", lines[0]);
        assert!(lines[1].contains(r#""offset":9"#), "{}", lines[1]);
    }

    #[test]
    fn a_connect_request_is_put_on_one_line_and_checked() {
        let none = PositionList::default();
        let introduction = Introduction::of_connect(b"{\n \"token\": \"t\" }", &none).unwrap();
        assert_eq!(lines(&introduction), [r#"{"connect":{"token":"t"},"id":1}"#]);
        let last = PositionList::parse("a:9:e,b:1:f", 10).unwrap();
        let request = br#"{"subs":{"b":{"recover":true,"offset":5,"epoch":"g"}}}"#;
        let introduction = Introduction::of_connect(request, &last).unwrap();
        let text = lines(&introduction)[0];
        assert!(text.contains(r#""a":{"epoch":"e","offset":9,"recover":true}"#), "{text}");
        assert!(text.contains(r#""b":{"epoch":"g","offset":5,"recover":true}"#), "{text}");
        for wrong in ["", "[]", "1", "{", "{}{}", r#"{"token":1}"#, r#"{"subs":1}"#, "{\"a\":\n"] {
            let problem = Introduction::of_connect(wrong.as_bytes(), &last).expect_err(wrong);
            assert!(problem.contains("JSON object"), "{wrong}: {problem}");
        }
    }

    #[test]
    fn who_may_not_come_back_is_told_by_the_status() {
        for code in 3000..5000 {
            let is_final = !Disconnect::reconnects(code);
            assert!(!is_final || (400..500).contains(&status(code)), "{code}: {}", status(code));
        }
        assert_eq!(status(3001), 503);
        assert_eq!(status(end_of(&Error::PERMISSION_DENIED).code.into()), 403);
        assert_eq!(status(end_of(&Error::TOKEN_EXPIRED).code.into()), 401);
    }
}
