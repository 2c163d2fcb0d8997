//! One run: for each transport a server and its clients, all of them side by side, and then one rate after the other.
//!
//! Side by side, because a rate of one a minute takes a minute however many transports wait for it. Each server is a process
//! of its own, so its account is of one transport.

use std::thread;
use std::time::{Duration, Instant};

use super::super::account::{Account, CpuSample};
use super::super::control::{News, Order};
use super::super::error::BenchError;
use super::super::process::WorkerId;
use super::super::publisher::{ApiOptions, Publisher};
use super::super::run::{Run, RunOptions, progress_bar};
use super::super::server::{Server, ServerOptions};
use super::super::stamp;
use super::super::transport::{ClientsPlan, Heads, Heard, Transport};
use super::figures::{RateFigures, TransportFigures};
use super::pace::Pace;
use super::window::Window;

const API: &str = "/api";
const CHANNEL: &str = "bench";
const SETTINGS: [&str; 6] = [
    "channel.without_namespace.history_size=1000",
    "channel.without_namespace.history_ttl=10m",
    "channel.without_namespace.force_recovery=true",
    "poll.enabled=true",
    "uni_sse.enabled=true",
    "uni_http_stream.enabled=true",
];
/// Before the first publication of a rate.
const START: Duration = Duration::from_millis(100);
/// What is on its way comes within the interval of a poll and this.
const SETTLE_WAIT: Duration = Duration::from_secs(5);
const SETTLE_INTERVAL: Duration = Duration::from_millis(100);
/// Looking at a server and its clients takes a tenth of a second, so that is not done shortly before something is due.
const LOOK: Duration = Duration::from_millis(150);

/// What is to be measured.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) transports: Vec<Transport>,
    pub(super) windows: Vec<Window>,
    pub(super) clients: u32,
    pub(super) payload_bytes: usize,
    pub(super) heads: Heads,
    pub(super) wait_s: u32,
    /// Keys of the servers' configuration.
    pub(super) settings: Vec<String>,
}

/// A transport with its server and its clients.
struct Place {
    transport: Transport,
    run: Run,
    clients: WorkerId,
    account: Option<Account>,
    /// `None` while it is publishing.
    publisher: Option<Publisher>,
    published: u32,
    opening: Heard,
    memory_bytes: Option<u64>,
    rates: Vec<RateFigures>,
    last: Heard,
}

impl Course {
    /// Measures all of it.
    pub(super) fn run(&self, options: RunOptions) -> Result<Vec<TransportFigures>, BenchError> {
        let bar = progress_bar("opening", self.transports.len() as u64);
        let mut places = Vec::new();
        for &transport in &self.transports {
            places.push(self.open(transport, options.beside(self.time()))?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        for window in &self.windows {
            self.measure(&mut places, window)?;
        }
        self.settle(&mut places)?;
        Ok(places.into_iter().map(|place| self.figures(place)).collect())
    }

    /// What is waited for on purpose.
    fn time(&self) -> Duration {
        self.windows.iter().map(|window| window.lead_time() + window.time()).sum()
    }

    fn open(&self, transport: Transport, options: RunOptions) -> Result<Place, BenchError> {
        let settings = SETTINGS.iter().map(|&setting| setting.to_owned());
        let settings: Vec<String> = settings.chain(self.settings.iter().cloned()).collect();
        let server = Server::push_with(&ServerOptions::default(), &settings)?;
        let (endpoint, account) = (server.endpoint.clone(), server.account().cloned());
        let route = ApiOptions::default().route_or(&endpoint, API)?;
        let mut run = Run::new(options, Some(server));
        let publisher =
            Publisher::open(&endpoint, &route, CHANNEL, self.payload_bytes).map_err(BenchError::Server)?;
        let clients = run.crew().hire("clients")?;
        let plan = ClientsPlan {
            address: endpoint.address,
            host: endpoint.host,
            path: path_of(transport).into(),
            channel: CHANNEL.into(),
            transport,
            heads: self.heads,
            wait_s: self.wait_s,
        };
        run.crew().order(clients, &Order::Clients(plan))?;
        let mut place = Place {
            transport,
            run,
            clients,
            account,
            publisher: Some(publisher.of_records()),
            published: 0,
            opening: Heard::default(),
            memory_bytes: None,
            rates: Vec::new(),
            last: Heard::default(),
        };
        place.fill(self.clients)?;
        Ok(place)
    }

    fn measure(&self, places: &mut [Place], window: &Window) -> Result<(), BenchError> {
        let begin_ns = stamp::now_ns() + START.as_nanos() as u64;
        let count = places.len();
        let paces: Vec<Option<Pace>> = places
            .iter_mut()
            .enumerate()
            .map(|(index, place)| {
                let first_ns = begin_ns + window.phase(index, count).as_nanos() as u64;
                place.publish(window, first_ns)
            })
            .collect();
        let begun = Instant::now();
        pass(places, "coming into stride", START + window.lead_time(), begun)?;
        let before = places.iter_mut().map(Place::begin).collect::<Result<Vec<_>, _>>()?;
        pass(places, "measuring", START + window.lead_time() + window.time(), begun)?;
        for (place, before) in places.iter_mut().zip(before) {
            place.end(window, self.clients, &before)?;
        }
        for (place, pace) in places.iter_mut().zip(paces) {
            place.publisher = pace.map(Pace::end).transpose()?;
        }
        Ok(())
    }

    /// Waits until everybody has everything, as long as that can take.
    fn settle(&self, places: &mut [Place]) -> Result<(), BenchError> {
        let begun = Instant::now();
        for place in places {
            let interval_ms = match place.transport {
                Transport::Poll { interval_ms } => interval_ms,
                _ => 0,
            };
            let wait = SETTLE_WAIT + Duration::from_millis(interval_ms);
            let all = u64::from(place.published) * u64::from(self.clients);
            loop {
                place.last = place.report()?;
                if place.last.up_to >= all || begun.elapsed() >= wait {
                    break;
                }
                thread::sleep(SETTLE_INTERVAL);
            }
        }
        Ok(())
    }

    fn figures(&self, place: Place) -> TransportFigures {
        let each = |count: u64| count as f64 / f64::from(self.clients - first_of(self.clients)).max(1.0);
        let all = u64::from(place.published) * u64::from(self.clients);
        let Heard { missed, doubled, gaps, reopened, up_to, .. } = place.last;
        TransportFigures {
            transport: place.transport,
            name: place.transport.to_string(),
            publications: place.published,
            missed: missed + all.saturating_sub(up_to),
            doubled,
            gaps,
            reopened,
            memory_bytes_per_client: place.memory_bytes.map(|bytes| bytes as f64 / f64::from(self.clients)),
            opening_sent_bytes: each(place.opening.sent_bytes),
            opening_received_bytes: each(place.opening.received_bytes),
            rates: place.rates,
        }
    }
}

/// What a server and the time were when counting began.
struct Before {
    at: Instant,
    cpu: Option<CpuSample>,
}

impl Place {
    /// Lets everybody in. Memory is what all but the first fifth take: those find a server that has never had clients.
    fn fill(&mut self, clients: u32) -> Result<(), BenchError> {
        let first = first_of(clients);
        self.join(first)?;
        let before = self.memory_at_rest()?;
        self.run.begin(&[self.clients])?;
        self.join(clients - first)?;
        self.opening = self.report()?;
        let after = self.memory_at_rest()?;
        let grown = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        // As if all of them had been the same.
        self.memory_bytes =
            grown.map(|grown| grown * u64::from(clients) / u64::from((clients - first).max(1)));
        Ok(())
    }

    fn join(&mut self, clients: u32) -> Result<(), BenchError> {
        if clients == 0 {
            return Ok(());
        }
        self.run.crew().order(self.clients, &Order::Join { clients })?;
        let during = format!("opening {clients} clients ({})", self.transport);
        self.run.gather(&[self.clients], &during, |_, news| news == News::Ready)
    }

    fn memory_at_rest(&self) -> Result<Option<u64>, BenchError> {
        let Some(account) = &self.account else { return Ok(None) };
        let memory = account.wait_for_rest().and_then(|()| account.memory_bytes());
        memory.map(Some).map_err(BenchError::io("reading the server's account"))
    }

    fn publish(&mut self, window: &Window, first_ns: u64) -> Option<Pace> {
        let count = window.lead + window.publications;
        let sequence = self.published + 1;
        self.published += count;
        Some(Pace::start(self.publisher.take()?, sequence, count, first_ns, window.interval))
    }

    fn begin(&mut self) -> Result<Before, BenchError> {
        self.run.begin(&[self.clients])?;
        Ok(Before { at: Instant::now(), cpu: self.cpu()? })
    }

    fn end(&mut self, window: &Window, clients: u32, before: &Before) -> Result<(), BenchError> {
        let (seconds, cpu) = (before.at.elapsed().as_secs_f64(), self.cpu()?);
        let cpu_s = cpu.zip(before.cpu.as_ref()).map(|(after, before)| after.since(before).as_secs_f64());
        let heard = self.report()?;
        self.rates.push(RateFigures::new(window, clients, seconds, cpu_s, &heard));
        self.last = heard;
        Ok(())
    }

    fn cpu(&self) -> Result<Option<CpuSample>, BenchError> {
        let sample = self.account.as_ref().map(Account::cpu).transpose();
        sample.map_err(BenchError::io("reading the processor time"))
    }

    fn report(&mut self) -> Result<Heard, BenchError> {
        self.run.crew().order(self.clients, &Order::Report)?;
        let mut found = Heard::default();
        self.run.gather(&[self.clients], "collecting the clients' report", |_, news| {
            let News::Heard(heard) = news else { return false };
            found = heard;
            true
        })?;
        Ok(found)
    }
}

/// Lets time pass until so long after `begun`, and fails as soon as a server or its clients do.
fn pass(
    places: &mut [Place],
    during: &'static str,
    time: Duration,
    begun: Instant,
) -> Result<(), BenchError> {
    let bar = progress_bar(during, time.as_secs());
    for place in (0..places.len()).cycle() {
        let left = time.saturating_sub(begun.elapsed());
        if left <= LOOK {
            thread::sleep(left);
            break;
        }
        bar.set_position(begun.elapsed().as_secs());
        if let Some((_, news)) = places[place].run.next(during)? {
            return Err(BenchError::Worker(format!("unexpected news: {news:?}")));
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// How many of the clients come in before the others are counted.
fn first_of(clients: u32) -> u32 {
    clients / 5
}

fn path_of(transport: Transport) -> &'static str {
    match transport {
        Transport::WebSocket => "/connection/websocket",
        Transport::Sse => "/connection/uni_sse",
        Transport::HttpStream => "/connection/uni_http_stream",
        Transport::LongPoll | Transport::Poll { .. } => "/connection/poll",
    }
}
