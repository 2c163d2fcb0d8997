//! The quiet observer: how long a publication on a channel of its own takes while the server is busy elsewhere.
//!
//! It publishes at fixed times, whether the last one has come back or not, so that a server that stalls is charged for
//! every publication that had to wait.

use std::io;
use std::thread;
use std::time::Duration;

use super::control::{self, News, Order, QuietPlan, Report};
use super::dialogue::Dialogue;
use super::endpoint::Endpoint;
use super::latency::Latency;
use super::process;
use super::publisher::Publisher;
use super::scan::{Layout, Line};
use super::stamp::{self, Stamp};

/// Runs a quiet observer on this process's standard streams.
pub(super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let mut orders = io::stdin().lock();
    let Some(Order::Quiet(plan)) = control::read_line(&mut orders).map_err(|error| error.to_string())? else {
        return Err("the first order was no plan".into());
    };
    let server = Endpoint { address: plan.address, host: plan.host.clone(), path: plan.path.clone() };
    let mut subscriber = Dialogue::open(&server, std::slice::from_ref(&plan.channel))?;
    let publisher = Publisher::open(&server, &plan.route, &plan.channel, plan.payload_bytes)?;
    tell(&News::Ready)?;
    match control::read_line(&mut orders).map_err(|error| error.to_string())? {
        Some(Order::Begin) => {}
        Some(order) => return Err(format!("a quiet observer has no use for the order {order:?}")),
        None => return Ok(()),
    }
    tell(&News::Begun)?;
    let publications = plan.publications;
    let publishing = thread::spawn(move || publish(publisher, &plan));
    let report = observe(&mut subscriber, publications)?;
    publishing.join().map_err(|_| "the publishing thread panicked")??;
    tell(&News::Report(report))?;
    // Until the orchestrator has no further use for it: an early end would be news of another kind.
    let _ = control::read_line::<Order>(&mut orders);
    Ok(())
}

fn tell(news: &News) -> Result<(), String> {
    control::write_line(io::stdout().lock(), news).map_err(|error| error.to_string())
}

fn publish(mut publisher: Publisher, plan: &QuietPlan) -> Result<(), String> {
    let (begun_ns, interval_ns) = (stamp::now_ns(), plan.interval_ms * 1_000_000);
    for sequence in 1..=plan.publications {
        let due_ns = begun_ns + interval_ns * u64::from(sequence);
        let early_ns = due_ns.saturating_sub(stamp::now_ns());
        thread::sleep(Duration::from_nanos(early_ns));
        // Waking late is this machine's doing; being held up by the publication before is the server's, and counts.
        let sent_ns = if early_ns > 0 { stamp::now_ns() } else { due_ns };
        publisher.publish(Stamp { sent_ns, sequence })?;
    }
    Ok(())
}

fn observe(subscriber: &mut Dialogue, publications: u32) -> Result<Report, String> {
    let (mut layout, mut latency, mut previous) = (Layout::default(), Latency::new(), 0);
    let mut report = Report::default();
    while report.deliveries < u64::from(publications) {
        subscriber.wait(|line| {
            let now_ns = stamp::now_ns();
            layout.lines(line, |line| {
                if let Line::Delivery(stamp) = line {
                    latency.record(now_ns.saturating_sub(stamp.sent_ns));
                    report.deliveries += 1;
                    report.out_of_order += u64::from(stamp.sequence != previous + 1);
                    previous = stamp.sequence;
                }
            });
        })?;
    }
    Ok(Report { latency: latency.buckets(), ..report })
}
