//! What stands in the address of a poll, or of a session that goes one way, and its token.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use wavecast_net::websocket::handshake::{decode_form, form_pairs};

use crate::position_list::{PositionList, excerpt};

/// What is asked for.
pub(crate) struct Asked<'r> {
    pub(crate) channels: Vec<Box<str>>,
    pub(crate) since: PositionList,
    pub(crate) wait: Duration,
    /// Empty for none.
    pub(crate) token: Cow<'r, str>,
    /// The token stands in the address.
    pub(crate) in_address: bool,
}

impl<'r> Asked<'r> {
    /// Reads a query and the fields beside it. Parameters that nobody knows are passed over, so that an address can be made
    /// unique.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub(crate) fn of(query: &'r str, fields: &'r HeaderMap, channels_max: usize) -> Result<Self, String> {
        let parameters = Parameters::of(query)?;
        let channels = channels(parameters.channels.unwrap_or_default(), channels_max)?;
        let since = decoded("since", parameters.since.unwrap_or_default())?;
        let since = PositionList::parse(&since, channels_max).map_err(|error| format!("since: {error}"))?;
        let wait = seconds(parameters.wait.unwrap_or("0"))?;
        let shown = bearer(fields)?;
        let in_address = parameters.token.is_some();
        let token = match (shown, parameters.token) {
            (Some(_), Some(_)) => {
                return Err("a token stands in Authorization or in token, not in both".into());
            }
            (Some(token), None) => token.into(),
            (None, token) => decoded("token", token.unwrap_or_default())?,
        };
        Ok(Self { channels, since, wait, token, in_address })
    }
}

/// The connect request of the protocol that stands in a query: in `cf_connect`.
///
/// # Errors
/// It is not UTF-8.
pub(crate) fn connect_in(query: &str) -> Result<Option<Cow<'_, str>>, String> {
    let sent = form_pairs(query).find(|(name, _)| *name == "cf_connect");
    sent.map(|(name, value)| decoded(name, value)).transpose()
}

/// The parameters that mean something, as they were sent.
#[derive(Default)]
struct Parameters<'r> {
    channels: Option<&'r str>,
    since: Option<&'r str>,
    wait: Option<&'r str>,
    token: Option<&'r str>,
}

impl<'r> Parameters<'r> {
    fn of(query: &'r str) -> Result<Self, String> {
        let mut parameters = Self::default();
        for (name, value) in form_pairs(query) {
            let parameter = match name {
                "channels" => &mut parameters.channels,
                "since" => &mut parameters.since,
                "wait" => &mut parameters.wait,
                "token" => &mut parameters.token,
                _ => continue,
            };
            if parameter.replace(value).is_some() {
                return Err(format!("{name} may stand once"));
            }
        }
        Ok(parameters)
    }
}

/// The list is split before it is decoded: `a%2Cb` is one channel.
fn channels(list: &str, channels_max: usize) -> Result<Vec<Box<str>>, String> {
    if list.is_empty() {
        return Err("channels=… names one channel or more, separated by commas".into());
    }
    // Counted before there is memory for them.
    let count = list.split(',').count();
    if count > channels_max {
        return Err(format!(
            "at most {channels_max} channels may be asked for (client.channel_limit), not {count}"
        ));
    }
    let mut channels: Vec<Box<str>> = Vec::with_capacity(count);
    for name in list.split(',') {
        channels.push(decoded("channels", name)?.into());
    }
    let mut seen = HashSet::with_capacity(count);
    match channels.iter().find(|channel| !seen.insert(&***channel)) {
        Some(twice) => Err(format!("channels names {:?} twice", excerpt(twice))),
        None if channels.iter().any(|channel| channel.is_empty()) => {
            Err("channels has an empty name: names are separated by one comma each".into())
        }
        None => Ok(channels),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = is_number.then(|| text.parse().ok()).flatten();
    seconds.map(Duration::from_secs).ok_or_else(|| "wait is a whole number of seconds; 0: not at all".into())
}

fn decoded<'t>(name: &str, text: &'t str) -> Result<Cow<'t, str>, String> {
    decode_form(text).ok_or_else(|| format!("{name} is not UTF-8"))
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1). Another scheme is somebody else's: a proxy's in front, say.
fn bearer(fields: &HeaderMap) -> Result<Option<&str>, String> {
    let mut values = fields.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("Authorization may stand once".into());
    }
    let value = value.to_str().map_err(|_| "Authorization is ASCII")?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    match token.trim() {
        "" => Err("Authorization: Bearer names no token".into()),
        token => Ok(Some(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, authorization: &[&str]) -> Result<String, String> {
        let fields =
            authorization.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect::<HeaderMap>();
        let Asked { channels, since, wait, token, in_address } = Asked::of(query, &fields, 3)?;
        Ok(format!("{channels:?} [{since}] {}s {token:?} {in_address}", wait.as_secs()))
    }

    #[test]
    fn an_address_is_read() {
        for (query, expected) in [
            ("channels=a", r#"["a"] [] 0s "" false"#),
            ("channels=a,b%2Cc,d+e&wait=7&_=1&x", r#"["a", "b,c", "d e"] [] 7s "" false"#),
            ("wait=0&since=a:1:e,b~2Cc:2:e&channels=a", r#"["a"] [a:1:e,b~2Cc:2:e] 0s "" false"#),
            ("channels=%C3%A4&since=a%3A1%3Ae", r#"["ä"] [a:1:e] 0s "" false"#),
            ("channels=a&since=&token=", r#"["a"] [] 0s "" true"#),
            ("channels=a&token=x%2Ey", r#"["a"] [] 0s "x.y" true"#),
            ("channels=a&wait=999999999", r#"["a"] [] 999999999s "" false"#),
        ] {
            assert_eq!(read(query, &[]).as_deref(), Ok(expected), "{query}");
        }
        for (authorization, expected) in [
            ("Bearer x.y", r#"["a"] [] 0s "x.y" false"#),
            ("bearer  x.y ", r#"["a"] [] 0s "x.y" false"#),
            ("Basic abc", r#"["a"] [] 0s "" false"#),
        ] {
            assert_eq!(read("channels=a", &[authorization]).as_deref(), Ok(expected), "{authorization}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_allowed() {
        let once = "may stand once";
        for (query, authorization, expected) in [
            ("", &[][..], "channels=… names one channel or more"),
            ("channels=", &[], "channels=… names one channel or more"),
            ("channel=a", &[], "channels=… names one channel or more"),
            ("channels=a,", &[], "an empty name"),
            ("channels=,a", &[], "an empty name"),
            ("channels=a,b,c,d", &[], "at most 3 channels may be asked for (client.channel_limit), not 4"),
            ("channels=a,b,%61", &[], "names \"a\" twice"),
            ("channels=%FF", &[], "channels is not UTF-8"),
            ("channels=a&channels=b", &[], once),
            ("channels=a&since=a:1:e&since=", &[], once),
            ("channels=a&wait=1&wait=1", &[], once),
            ("channels=a&token=x&token=x", &[], once),
            ("channels=a&since=a", &[], "since: entry 1 of the position"),
            ("channels=a&since=%FF", &[], "since is not UTF-8"),
            ("channels=a&wait=", &[], "wait is a whole number of seconds"),
            ("channels=a&wait", &[], "wait is a whole number of seconds"),
            ("channels=a&wait=-1", &[], "wait is a whole number of seconds"),
            ("channels=a&wait=+1", &[], "wait is a whole number of seconds"),
            ("channels=a&wait=1.5", &[], "wait is a whole number of seconds"),
            ("channels=a&wait=1s", &[], "wait is a whole number of seconds"),
            ("channels=a&wait=9999999999", &[], "wait is a whole number of seconds"),
            ("channels=a&token=%FF", &[], "token is not UTF-8"),
            ("channels=a&token=x", &["Bearer x"], "not in both"),
            ("channels=a", &["Bearer x", "Bearer x"], once),
            ("channels=a", &["Bearer"], "names no token"),
            ("channels=a", &["Bearer "], "names no token"),
        ] {
            let problem = read(query, authorization).expect_err(query);
            assert!(problem.contains(expected), "{query} {authorization:?}: {problem}");
        }
    }
}
