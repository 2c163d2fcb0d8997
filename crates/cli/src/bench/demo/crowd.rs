//! The visitors of a demo application: one process, one thread, one epoll instance, thousands of connections.
//!
//! Each comes in as its page does: where the demo has a login, over a connection of its own, and then with the token that
//! it was given. What is said after that is up to the [`Scene`].

use std::io::{self, ErrorKind};
use std::mem;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use memchr::memchr;
use mio::{Events, Interest, Poll, Token};
use serde_json::Value;
use wavecast_server::protocol::centrifuge::{
    ConnectRequest, Encoding, Push, Reply, Request, Res, ServerMessage,
};
use wavecast_websocket::frame::{Opcode, Reserved};

use super::super::control::{self, CrowdPlan, CrowdReport, News, Order, ScenePlan};
use super::super::conversation;
use super::super::orders::Orders;
use super::super::process;
use super::super::scan;
use super::super::stamp;
use super::super::upgrade::Upgrade;
use super::arena::Arena;
use super::board::Board;
use super::chat::Chat;
use super::inbox::Inbox;
use super::link::Link;
use super::scene::{Now, Say, Scene};

const EVENTS_PER_TURN: usize = 1024;
/// A history of a hundred messages in one answer is far below it.
const FRAME_BYTES_MAX: usize = 1024 * 1024;
const BUFFER_BYTES: usize = 2 * FRAME_BYTES_MAX;
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// What has not come in this time after the last word does not come any more.
const SETTLE_WAIT: Duration = Duration::from_secs(10);
const ORDERS: Token = Token(usize::MAX);
/// Of the login: the first command connects, the second asks for a token.
const LOGIN: u32 = 2;

/// Runs a crowd on this process's standard streams until its input ends.
pub(in super::super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let poll = Poll::new().map_err(|error| error.to_string())?;
    let orders = Orders::follow(&poll, ORDERS)?;
    let Ok(Order::Crowd(plan)) = orders.queue.recv() else {
        return Err("the first order was no plan".into());
    };
    let scene: Box<dyn Scene> = match plan.scene {
        ScenePlan::Chat { chatters, rooms, pause_ms } => Box::new(Chat::new(chatters, rooms, pause_ms)),
        ScenePlan::Monitoring { viewers } => Box::new(Board::new(viewers)),
        ScenePlan::Game { players, watchers, inputs_per_second } => {
            Box::new(Arena::new(players, watchers, inputs_per_second))
        }
        ScenePlan::Notifications { users } => Box::new(Inbox::new(users)),
    };
    Crowd::new(poll, plan, scene)?.serve(&orders.queue)
}

/// When the orchestrator is gone the news are lost, but then the input ends too, and with it the process.
fn tell(news: &News) {
    let _ = control::write_line(io::stdout().lock(), news);
}

struct Crowd {
    poll: Poll,
    plan: CrowdPlan,
    upgrade: Upgrade,
    scene: Box<dyn Scene>,
    visitors: Vec<Visitor>,
    /// Of each visitor.
    says: Vec<Say>,
    inside: u32,
    told_at: Instant,
    buffer: Vec<u8>,
    bytes: u64,
    /// Until when what is on its way is waited for.
    settling: Option<Settling>,
}

struct Settling {
    until: Instant,
    deliveries: u64,
}

struct Visitor {
    link: Link,
    stage: Stage,
    /// Commands without an answer.
    unanswered: u32,
    token: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Asks for a token.
    LoggingIn,
    Entering,
    Inside,
}

/// What becomes of the rest that was read.
type Reading = ControlFlow<()>;

impl Crowd {
    fn new(poll: Poll, plan: CrowdPlan, scene: Box<dyn Scene>) -> Result<Self, String> {
        let upgrade = Upgrade::new(&plan.host, &plan.path)?;
        let upgrade = match scene.encoding() {
            Encoding::Json => upgrade,
            Encoding::Protobuf => upgrade.speaking(Encoding::Protobuf.subprotocol())?,
        };
        Ok(Self {
            poll,
            plan,
            upgrade,
            visitors: Vec::with_capacity(scene.visitors()),
            says: vec![Say::new(scene.encoding()); scene.visitors()],
            scene,
            inside: 0,
            told_at: Instant::now(),
            buffer: vec![0; BUFFER_BYTES],
            bytes: 0,
            settling: None,
        })
    }

    fn serve(mut self, orders: &Receiver<Order>) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        self.open_more()?;
        loop {
            match self.poll.poll(&mut events, self.wait()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result.map_err(|error| error.to_string())?,
            }
            for event in &events {
                if event.token() == ORDERS {
                    if self.obey(orders)?.is_break() {
                        return Ok(());
                    }
                    continue;
                }
                let index = event.token().0;
                let turn = self.turn(index, event.is_writable(), event.is_readable());
                turn.map_err(|reason| format!("visitor {} of {}: {reason}", index + 1, self.says.len()))?;
            }
            while let Some(visitor) = self.scene.act(stamp::now_ns(), &mut self.says) {
                self.say(visitor)?;
            }
            self.settle();
        }
    }

    /// How long nothing is to be done.
    fn wait(&self) -> Option<Duration> {
        let until = self.settling.as_ref().map(|settling| settling.until);
        let settling = until.map(|until| until.saturating_duration_since(Instant::now()));
        let due =
            self.scene.due_ns().map(|due_ns| Duration::from_nanos(due_ns.saturating_sub(stamp::now_ns())));
        settling.into_iter().chain(due).min()
    }

    fn obey(&mut self, orders: &Receiver<Order>) -> Result<ControlFlow<()>, String> {
        loop {
            match orders.try_recv() {
                Ok(Order::Begin) => {
                    self.bytes = 0;
                    self.scene.begin(Now::read());
                    tell(&News::Begun);
                }
                Ok(Order::Report) => tell(&News::Crowd(self.report(self.scene.report()))),
                Ok(Order::Hush { deliveries }) => {
                    self.scene.hush();
                    self.settling = Some(Settling { until: Instant::now() + SETTLE_WAIT, deliveries });
                }
                Ok(order) => return Err(format!("a crowd has no use for the order {order:?}")),
                Err(TryRecvError::Empty) => return Ok(ControlFlow::Continue(())),
                Err(TryRecvError::Disconnected) => return Ok(ControlFlow::Break(())),
            }
        }
    }

    /// Tells the last report when nothing more is to be waited for.
    fn settle(&mut self) {
        let Some(Settling { until, deliveries }) = self.settling else { return };
        let has_come =
            self.scene.is_settled(deliveries) && self.visitors.iter().all(|visitor| visitor.unanswered == 0);
        if has_come || Instant::now() >= until {
            self.settling = None;
            tell(&News::Crowd(self.report(self.scene.last_report(deliveries))));
        }
    }

    fn report(&self, counted: CrowdReport) -> CrowdReport {
        CrowdReport { bytes: self.bytes, ..counted }
    }

    /// Keeps as many visitors on their way as the plan allows.
    fn open_more(&mut self) -> Result<(), String> {
        while self.visitors.len() < self.says.len()
            && self.visitors.len() as u32 - self.inside < self.plan.opening_max
        {
            let index = self.visitors.len();
            let stage = if self.scene.login(index).is_some() { Stage::LoggingIn } else { Stage::Entering };
            let link = self.open(index)?;
            self.visitors.push(Visitor { link, stage, unanswered: 0, token: String::new() });
        }
        Ok(())
    }

    fn open(&self, index: usize) -> Result<Link, String> {
        let link = Link::open(self.plan.address);
        let mut link = link.map_err(|error| format!("connection of visitor {}: {error}", index + 1))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut link.stream, Token(index), interest);
        registered.map_err(|error| error.to_string())?;
        Ok(link)
    }

    /// One readiness event of one visitor.
    fn turn(&mut self, index: usize, writable: bool, readable: bool) -> Result<(), String> {
        if writable {
            self.visitors[index].link.writable(&self.upgrade)?;
        }
        if readable {
            // While it is read from, the visitor may be given another connection.
            let mut buffer = mem::take(&mut self.buffer);
            let read = self.read(index, &mut buffer);
            self.buffer = buffer;
            read?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> Result<(), String> {
        loop {
            let link = &mut self.visitors[index].link;
            let kept = link.kept();
            let Some(filled) = link.read(buffer)? else { return Ok(()) };
            self.bytes += (filled - kept) as u64;
            let bytes = &buffer[..filled];
            let Some(head_bytes) = link.handshake(bytes, &self.upgrade)? else {
                link.keep(bytes);
                continue;
            };
            if head_bytes > 0 {
                self.introduce(index)?;
            }
            match self.take(index, bytes, head_bytes)? {
                Some(taken) => self.visitors[index].link.keep(&bytes[taken..]),
                None => return self.come_again(index),
            }
            // A short read has emptied the socket, and whatever comes next is a new event: epoll(7), edge-triggered.
            if filled < buffer.len() {
                return Ok(());
            }
        }
    }

    /// The first words on a connection.
    fn introduce(&mut self, index: usize) -> Result<(), String> {
        let (visitor, say) = (&self.visitors[index], &mut self.says[index]);
        let token = visitor.token.as_str();
        say.ask(Request::Connect(ConnectRequest { token: token.into(), ..ConnectRequest::default() }));
        match (visitor.stage, self.scene.login(index)) {
            (Stage::LoggingIn, Some((method, data))) => {
                say.call(method, data.to_string().as_bytes());
            }
            _ => self.scene.enter(index, say),
        }
        self.say(index)
    }

    /// The token is there: the page connects anew.
    fn come_again(&mut self, index: usize) -> Result<(), String> {
        self.says[index] = Say::new(self.scene.encoding());
        let link = self.open(index)?;
        let visitor = &mut self.visitors[index];
        (visitor.link, visitor.stage, visitor.unanswered) = (link, Stage::Entering, 0);
        Ok(())
    }

    /// Takes the frames that are whole, and returns where the rest begins; `None`: this connection has served its purpose.
    fn take(&mut self, index: usize, bytes: &[u8], from: usize) -> Result<Option<usize>, String> {
        let (mut at, now) = (from, Now::read());
        while let Some(frame) =
            scan::frame(bytes, at, FRAME_BYTES_MAX, Reserved::NONE).map_err(|error| error.to_string())?
        {
            at = frame.payload.end;
            let payload = &bytes[frame.payload];
            match frame.opcode {
                Opcode::Text | Opcode::Binary => {
                    if self.hear(index, payload, now)?.is_break() {
                        return Ok(None);
                    }
                    self.say(index)?;
                }
                Opcode::Close => return Err(conversation::describe_close(payload)),
                Opcode::Ping => self.visitors[index].link.send(Opcode::Pong, payload)?,
                Opcode::Pong | Opcode::Continuation => {}
            }
        }
        Ok(Some(at))
    }

    fn hear(&mut self, index: usize, payload: &[u8], now: Now) -> Result<Reading, String> {
        if self.scene.encoding().is_binary() {
            return self.understand(index, payload, now);
        }
        let mut rest = payload;
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(memchr(b'\n', rest).unwrap_or(rest.len()));
            rest = behind.get(1..).unwrap_or_default();
            if !self.scene.glance(index, line, now) && self.understand(index, line, now)?.is_break() {
                return Ok(Reading::Break(()));
            }
        }
        Ok(Reading::Continue(()))
    }

    fn understand(&mut self, index: usize, messages: &[u8], now: Now) -> Result<Reading, String> {
        for message in self.scene.encoding().messages(messages) {
            match message.map_err(|error| format!("the server sent what cannot be read: {error}"))? {
                ServerMessage::Ping => self.says[index].pong(),
                ServerMessage::Reply(reply) => {
                    if self.answered(index, reply)?.is_break() {
                        return Ok(Reading::Break(()));
                    }
                }
                ServerMessage::Push(Push::Disconnect { code, reason, .. }) => {
                    return Err(format!("the server disconnected with {code} {reason}"));
                }
                ServerMessage::Push(Push::Unsubscribe { channel, code, reason }) => {
                    return Err(format!(
                        "the server ended the subscription to {channel} with {code} {reason}"
                    ));
                }
                ServerMessage::Push(push) => self.scene.pushed(index, &push, now, &mut self.says[index])?,
            }
        }
        self.look_whether_inside(index, now)?;
        Ok(Reading::Continue(()))
    }

    fn answered(&mut self, index: usize, reply: Reply<'_>) -> Result<Reading, String> {
        let visitor = &mut self.visitors[index];
        visitor.unanswered = visitor.unanswered.saturating_sub(1);
        match (reply.body, visitor.stage) {
            (Err(_), Stage::Inside) => self.scene.refused(index, reply.id),
            (Err(error), _) => {
                return Err(format!(
                    "the server refused command {}: {} {} (are the demos on? demo.enabled)",
                    reply.id, error.code, error.message
                ));
            }
            (Ok(Res::Rpc(answer)), Stage::LoggingIn) if reply.id == LOGIN => {
                let answer: Value = serde_json::from_slice(answer.data).map_err(|error| error.to_string())?;
                let token = answer["token"].as_str().ok_or("the login gave no token")?;
                token.clone_into(&mut visitor.token);
                self.scene.admitted(index, &answer)?;
                return Ok(Reading::Break(()));
            }
            (Ok(_), Stage::LoggingIn) => {}
            (Ok(res), _) => self.scene.answered(index, reply.id, &res, &mut self.says[index])?,
        }
        Ok(Reading::Continue(()))
    }

    /// Whoever has an answer to everything is inside.
    fn look_whether_inside(&mut self, index: usize, now: Now) -> Result<(), String> {
        self.say(index)?;
        let visitor = &mut self.visitors[index];
        if visitor.stage != Stage::Entering || visitor.unanswered > 0 || !self.scene.is_complete(index) {
            return Ok(());
        }
        visitor.stage = Stage::Inside;
        self.inside += 1;
        self.scene.settled_in(index, now);
        if self.inside as usize == self.says.len() {
            tell(&News::Progress { connections: self.inside });
            tell(&News::Ready);
        } else if self.told_at.elapsed() >= PROGRESS_INTERVAL {
            self.told_at = Instant::now();
            tell(&News::Progress { connections: self.inside });
        }
        self.open_more()
    }

    /// Sends what a visitor has to say, if anything.
    fn say(&mut self, index: usize) -> Result<(), String> {
        let (visitor, say) = (&mut self.visitors[index], &mut self.says[index]);
        if say.bytes.is_empty() {
            return Ok(());
        }
        visitor.unanswered += say.take_asked();
        let opcode = if self.scene.encoding().is_binary() { Opcode::Binary } else { Opcode::Text };
        let sent = visitor.link.send(opcode, &say.bytes);
        say.bytes.clear();
        sent
    }
}
