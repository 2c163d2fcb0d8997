//! A load process: many connections on one thread, as cheap as receiving can be.
//!
//! One epoll instance, one receive buffer, one read for whatever has come in on a socket. The same loop receives from push
//! servers, echo servers and the raw sender, so that what is compared differs on the sending side only.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use wavecast_websocket::deflate::Inflater;

use super::connection::{Connection, Reception};
use super::control::{self, LoadPlan, News, Order};
use super::conversation::Script;
use super::orders::Orders;
use super::pattern::Pattern;
use super::process;
use super::scan::Layout;
use super::tally::Tally;

const EVENTS_PER_TURN: usize = 1024;
const BUFFER_BYTES_MIN: usize = 256 * 1024;
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
const ORDERS: Token = Token(usize::MAX);

/// Runs a load on this process's standard streams until its input ends.
pub(super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let poll = Poll::new().map_err(|error| error.to_string())?;
    let orders = Orders::follow(&poll, ORDERS)?;
    let Ok(Order::Load(plan)) = orders.queue.recv() else { return Err("the first order was no plan".into()) };
    Load::new(poll, plan)?.serve(&orders.queue)
}

/// When the orchestrator is gone the news are lost, but then the input ends too, and with it the process.
fn tell(news: &News) {
    let _ = control::write_line(io::stdout().lock(), news);
}

struct Load {
    poll: Poll,
    plan: LoadPlan,
    connections: Vec<Connection>,
    live: u32,
    told_at: Instant,
    buffer: Vec<u8>,
    reception: Reception,
    echo: Option<Echo>,
}

/// An echo run.
struct Echo {
    messages: u32,
    pattern: Pattern,
    /// Over all connections.
    returns_missing: u64,
}

impl Load {
    fn new(poll: Poll, plan: LoadPlan) -> Result<Self, String> {
        let reception = Reception {
            script: Script::new(&plan.speech)?,
            tally: Tally::new(plan.connections),
            layout: Layout::default(),
            frame_bytes_max: plan.frame_bytes_max,
            inflater: Inflater::new(),
        };
        Ok(Self {
            poll,
            connections: Vec::with_capacity(plan.connections as usize),
            live: 0,
            told_at: Instant::now(),
            // Room for the beginning of a frame carried over and a whole one behind it.
            buffer: vec![0; BUFFER_BYTES_MIN.max(2 * plan.frame_bytes_max)],
            reception,
            echo: None,
            plan,
        })
    }

    fn serve(mut self, orders: &Receiver<Order>) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        self.open_more()?;
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result.map_err(|error| error.to_string())?,
            }
            let complete = self.reception.tally.arrivals.complete();
            for event in &events {
                if event.token() == ORDERS {
                    if self.obey(orders)?.is_break() {
                        return Ok(());
                    }
                    continue;
                }
                let index = event.token().0;
                let turn = self.turn(index, event.is_writable(), event.is_readable());
                turn.map_err(|reason| {
                    format!("connection {} of {}: {reason}", index + 1, self.plan.connections)
                })?;
            }
            if self.reception.tally.arrivals.complete() != complete {
                tell(&News::Reached { sequence: self.reception.tally.arrivals.complete() });
            }
            if let Some(echo) = &self.echo
                && self.told_at.elapsed() >= PROGRESS_INTERVAL
            {
                self.told_at = Instant::now();
                let messages =
                    u64::from(echo.messages) * u64::from(self.plan.connections) - echo.returns_missing;
                tell(&News::Returned { messages });
            }
        }
    }

    fn obey(&mut self, orders: &Receiver<Order>) -> Result<std::ops::ControlFlow<()>, String> {
        loop {
            match orders.try_recv() {
                Ok(Order::Begin) => {
                    self.reception.tally.begin();
                    tell(&News::Begun);
                }
                Ok(Order::Echo { messages, outstanding, payload_bytes }) => {
                    self.begin_echo(messages, outstanding, payload_bytes)?;
                }
                Ok(Order::Report) => tell(&News::Report(self.reception.tally.report())),
                Ok(order) => return Err(format!("a load has no use for the order {order:?}")),
                Err(TryRecvError::Empty) => return Ok(std::ops::ControlFlow::Continue(())),
                Err(TryRecvError::Disconnected) => return Ok(std::ops::ControlFlow::Break(())),
            }
        }
    }

    /// One readiness event of one connection.
    fn turn(&mut self, index: usize, writable: bool, readable: bool) -> Result<(), String> {
        let connection = &mut self.connections[index];
        let was_live = connection.is_live();
        if writable {
            connection.writable(&self.reception.script)?;
        }
        let returned =
            if readable { connection.readable(&mut self.buffer, &mut self.reception)? } else { 0 };
        if !was_live && connection.is_live() {
            self.count_live()?;
        }
        if returned > 0 && self.echo.is_some() {
            self.echo_on(index, returned)?;
        }
        Ok(())
    }

    /// Keeps as many connections on their way as the plan allows.
    fn open_more(&mut self) -> Result<(), String> {
        while (self.connections.len() as u32) < self.plan.connections
            && self.connections.len() as u32 - self.live < self.plan.opening_max
        {
            let index = self.connections.len();
            let connection = Connection::open(self.plan.address, self.plan.source);
            let mut connection =
                connection.map_err(|error| format!("opening connection {}: {error}", index + 1))?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered = self.poll.registry().register(&mut connection.stream, Token(index), interest);
            registered.map_err(|error| error.to_string())?;
            self.connections.push(connection);
        }
        Ok(())
    }

    fn count_live(&mut self) -> Result<(), String> {
        self.live += 1;
        if self.live == self.plan.connections {
            tell(&News::Progress { connections: self.live });
            tell(&News::Ready);
        } else if self.told_at.elapsed() >= PROGRESS_INTERVAL {
            self.told_at = Instant::now();
            tell(&News::Progress { connections: self.live });
        }
        self.open_more()
    }

    fn begin_echo(&mut self, messages: u32, outstanding: u32, payload_bytes: usize) -> Result<(), String> {
        let returns_missing = u64::from(messages) * u64::from(self.plan.connections);
        let echo = self.echo.insert(Echo { messages, pattern: Pattern::new(payload_bytes), returns_missing });
        for connection in &mut self.connections {
            connection.restart_numbers();
            connection.send_stamped(outstanding, messages, &mut echo.pattern)?;
        }
        Ok(())
    }

    /// Sends as many messages as have come back.
    fn echo_on(&mut self, index: usize, returned: u32) -> Result<(), String> {
        let Some(echo) = &mut self.echo else { return Ok(()) };
        echo.returns_missing = echo.returns_missing.saturating_sub(u64::from(returned));
        if echo.returns_missing == 0 {
            self.echo = None;
            tell(&News::Finished);
            return Ok(());
        }
        self.connections[index].send_stamped(returned, echo.messages, &mut echo.pattern)
    }
}
