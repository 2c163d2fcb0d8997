//! What the visitors of any demo application have in common, from one visitor's and from the crowd's point of view.

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use wavecast_server::protocol::centrifuge::{Command, Encoding, Push, Request, Res, RpcRequest};

use super::super::control::CrowdReport;
use super::super::stamp;

/// The visitors of one demo: what their pages say and count. Visitors are numbered from 0.
pub(super) trait Scene {
    /// What the page's client speaks.
    fn encoding(&self) -> Encoding {
        Encoding::Json
    }

    fn visitors(&self) -> usize;

    /// Method and data of the demo's own login, for a visitor that has a token.
    fn login(&self, _visitor: usize) -> Option<(&'static str, Value)> {
        None
    }

    /// What the login answered.
    fn admitted(&mut self, _visitor: usize, _answer: &Value) -> Result<(), String> {
        Ok(())
    }

    /// Asks for what the page asks for when it opens, behind the connect command. Who comes in twice does not happen.
    fn enter(&mut self, visitor: usize, say: &mut Say);

    /// A command was carried out.
    fn answered(&mut self, visitor: usize, id: u32, res: &Res<'_>, say: &mut Say) -> Result<(), String>;

    /// Everything the page waits for is there; asked when every command has been answered.
    fn is_complete(&self, _visitor: usize) -> bool {
        true
    }

    /// Every command was answered for the first time: the visitor is in.
    fn settled_in(&mut self, _visitor: usize, _now: Now) {}

    /// A line that comes so often that it is read without a parser; `false`: not one of those.
    fn glance(&mut self, _visitor: usize, _line: &[u8], _now: Now) -> bool {
        false
    }

    fn pushed(&mut self, visitor: usize, push: &Push<'_>, now: Now, say: &mut Say) -> Result<(), String>;

    /// A command of a visitor who is in was refused.
    fn refused(&mut self, visitor: usize, id: u32);

    /// When [`Scene::act`] has something to do, on the clock of [`stamp::now_ns`].
    fn due_ns(&self) -> Option<u64> {
        None
    }

    /// Lets one visitor say what is due, and returns its number; `None` when nothing is due. `says`: of each visitor.
    fn act(&mut self, _now_ns: u64, _says: &mut [Say]) -> Option<usize> {
        None
    }

    /// What was counted is forgotten. Who speaks begins to, the first time.
    fn begin(&mut self, now: Now);

    /// Nobody says anything more.
    fn hush(&mut self) {}

    /// Whether everything that is known to come has come; so many deliveries since the beginning are known to somebody else.
    fn is_settled(&self, _deliveries: u64) -> bool {
        true
    }

    /// Without `bytes`.
    fn report(&self) -> CrowdReport;

    /// The same when nothing more is waited for: what has not come is lost.
    fn last_report(&self, _deliveries: u64) -> CrowdReport {
        self.report()
    }
}

/// The end of the read that brought something in, on both clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    /// [`stamp::now_ns`]
    pub(super) ns: u64,
    /// Since the epoch of Unix, for stamps that are written with it.
    pub(super) unix_ns: u64,
}

impl Now {
    pub(super) fn read() -> Self {
        let unix = clock_gettime(ClockId::Realtime);
        let unix_ns = unix.tv_sec.unsigned_abs() * 1_000_000_000 + unix.tv_nsec.unsigned_abs();
        Self { ns: stamp::now_ns(), unix_ns }
    }

    /// Since a time in whole milliseconds: up to one of them too long, because the fraction is cut off.
    pub(super) fn ns_since_unix_ms(self, ms: u64) -> u64 {
        self.unix_ns.saturating_sub(ms.saturating_mul(1_000_000))
    }
}

/// What a visitor says in one frame, and the numbers of its commands.
#[derive(Clone, Debug)]
pub(super) struct Say {
    encoding: Encoding,
    pub(super) bytes: Vec<u8>,
    last_id: u32,
    asked: u32,
}

impl Say {
    /// A visitor that has said nothing yet.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, bytes: Vec::new(), last_id: 0, asked: 0 }
    }

    /// Appends a command and returns its number; numbers begin at 1 on each connection.
    pub(super) fn ask(&mut self, request: Request<'_>) -> u32 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.asked += 1;
        self.append(&Command { id: self.last_id, request });
        self.last_id
    }

    pub(super) fn call(&mut self, method: &str, data: &[u8]) -> u32 {
        self.ask(Request::Rpc(RpcRequest { method: method.into(), data }))
    }

    /// Appends the answer to the server's ping.
    pub(super) fn pong(&mut self) {
        self.append(&Command { id: 0, request: Request::Pong });
    }

    fn append(&mut self, command: &Command<'_>) {
        if !self.bytes.is_empty() {
            self.encoding.separate(&mut self.bytes);
        }
        self.encoding.encode_command(command, &mut self.bytes);
    }

    /// How many of its commands have been said and not been counted yet.
    pub(super) fn take_asked(&mut self) -> u32 {
        std::mem::take(&mut self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_one_frame_are_numbered_and_stand_apart() {
        let mut say = Say::new(Encoding::Json);
        assert_eq!(say.call("a.b", b"{}"), 1);
        assert_eq!(say.ask(Request::Ping), 2);
        say.pong();
        let text = String::from_utf8(say.bytes.clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert_eq!(text.lines().last(), Some("{}"));
        assert_eq!((say.take_asked(), say.take_asked()), (2, 0));
    }

    #[test]
    fn a_time_in_milliseconds_is_at_most_one_of_them_too_early() {
        let now = Now { ns: 0, unix_ns: 1_700_000_000_123_999_999 };
        assert_eq!(now.ns_since_unix_ms(1_700_000_000_123), 999_999);
        assert_eq!(now.ns_since_unix_ms(1_700_000_000_124), 0, "clocks are read one after the other");
    }
}
