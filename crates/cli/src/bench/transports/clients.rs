//! The clients of one transport: one process, one thread, one epoll instance.
//!
//! A poll is due at fixed times, the clients one after the other: people do not open a page all at once. Who has no answer
//! yet when the next is due leaves that one out.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::super::control::{self, News, Order};
use super::super::orders::Orders;
use super::super::process;
use super::super::stamp;
use super::super::transport::{ClientsPlan, Transport};
use super::client::Client;
use super::count::Count;
use super::words::Words;

const EVENTS_PER_TURN: usize = 1024;
const BUFFER_BYTES: usize = 256 * 1024;
/// Connections on their way at the same time.
const OPENING_MAX: usize = 64;
const ORDERS: Token = Token(usize::MAX);

/// Runs the clients on this process's standard streams until its input ends.
pub(in super::super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let poll = Poll::new().map_err(|error| error.to_string())?;
    let orders = Orders::follow(&poll, ORDERS)?;
    let Ok(Order::Clients(plan)) = orders.queue.recv() else {
        return Err("the first order was no plan".into());
    };
    Clients::new(poll, plan)?.serve(&orders.queue)
}

/// When the orchestrator is gone the news are lost, but then the input ends too, and with it the process.
fn tell(news: &News) {
    let _ = control::write_line(io::stdout().lock(), news);
}

struct Clients {
    poll: Poll,
    words: Words,
    plan: ClientsPlan,
    count: Count,
    clients: Vec<Client>,
    /// How many there shall be, and how many of them listen.
    wanted: usize,
    listening: usize,
    /// Those whose polls have begun.
    settled: usize,
    /// When the next poll of a client is due; the earliest first.
    due: VecDeque<(u64, usize)>,
    buffer: Vec<u8>,
}

impl Clients {
    fn new(poll: Poll, plan: ClientsPlan) -> Result<Self, String> {
        Ok(Self {
            poll,
            words: Words::new(&plan)?,
            plan,
            count: Count::new(),
            clients: Vec::new(),
            wanted: 0,
            listening: 0,
            settled: 0,
            due: VecDeque::new(),
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    fn serve(mut self, orders: &Receiver<Order>) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        loop {
            let wait = self
                .due
                .front()
                .map(|(due_ns, _)| Duration::from_nanos(due_ns.saturating_sub(stamp::now_ns())));
            match self.poll.poll(&mut events, wait) {
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
                turn.map_err(|reason| format!("{} client {}: {reason}", self.plan.transport, index + 1))?;
            }
            self.ask_those_due()?;
        }
    }

    fn obey(&mut self, orders: &Receiver<Order>) -> Result<ControlFlow<()>, String> {
        loop {
            match orders.try_recv() {
                Ok(Order::Join { clients }) => {
                    self.wanted += clients as usize;
                    self.open_more()?;
                }
                Ok(Order::Begin) => {
                    self.count.begin();
                    tell(&News::Begun);
                }
                Ok(Order::Report) => {
                    let up_to = self.clients.iter().map(|client| u64::from(client.last())).sum();
                    tell(&News::Heard(self.count.report(up_to)));
                }
                Ok(order) => return Err(format!("clients have no use for the order {order:?}")),
                Err(TryRecvError::Empty) => return Ok(ControlFlow::Continue(())),
                Err(TryRecvError::Disconnected) => return Ok(ControlFlow::Break(())),
            }
        }
    }

    fn open_more(&mut self) -> Result<(), String> {
        while self.clients.len() < self.wanted && self.clients.len() - self.listening < OPENING_MAX {
            let client = Client::open(&self.plan).map_err(|error| format!("connecting: {error}"))?;
            self.clients.push(client);
            self.register(self.clients.len() - 1)?;
        }
        Ok(())
    }

    fn register(&mut self, index: usize) -> Result<(), String> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let stream = &mut self.clients[index].stream;
        self.poll.registry().register(stream, Token(index), interest).map_err(|error| error.to_string())
    }

    /// One readiness event of one client.
    fn turn(&mut self, index: usize, writable: bool, readable: bool) -> Result<(), String> {
        let client = &mut self.clients[index];
        let listened = client.is_listening();
        if writable {
            client.writable(&self.words, &mut self.count)?;
        }
        if readable {
            client.readable(&self.words, &mut self.count, &mut self.buffer)?;
        }
        if client.is_listening() && !listened {
            self.listening += 1;
            if self.listening == self.wanted {
                self.settle();
                tell(&News::Ready);
            }
            self.open_more()?;
        }
        Ok(())
    }

    /// All are there: those who came last begin to poll, spread over an interval.
    fn settle(&mut self) {
        let Transport::Poll { interval_ms } = self.plan.transport else { return };
        let (now_ns, interval_ns) = (stamp::now_ns(), interval_ms * 1_000_000);
        let newcomers = (self.wanted - self.settled).max(1) as u64;
        for (place, index) in (self.settled..self.wanted).enumerate() {
            self.due.push_back((now_ns + interval_ns * place as u64 / newcomers, index));
        }
        self.settled = self.wanted;
        self.due.make_contiguous().sort_unstable();
    }

    fn ask_those_due(&mut self) -> Result<(), String> {
        let Transport::Poll { interval_ms } = self.plan.transport else { return Ok(()) };
        while let Some(&(due_ns, index)) = self.due.front()
            && due_ns <= stamp::now_ns()
        {
            self.due.rotate_left(1);
            // All have the same interval, so whose turn it was is the last one now.
            if let Some(last) = self.due.back_mut() {
                last.0 = due_ns + interval_ms * 1_000_000;
            }
            let client = &mut self.clients[index];
            if client.is_idle() {
                client.ask(&self.words, &mut self.count)?;
            } else if client.has_ended() {
                client.reopen(&self.plan).map_err(|error| format!("connecting again: {error}"))?;
                self.count.reopened();
                self.register(index)?;
            }
        }
        Ok(())
    }
}
