//! What `demo_monitoring` reads from the system: processors, memory and network of this machine, as Linux tells them.
//!
//! Elsewhere the lists are empty and the numbers 0.

use std::fs::read_to_string;
use std::time::Instant;

use wavecast::server::ProcessUse;

use super::market::now_ms;

/// What was read last: all of it counts since the machine's start, so two readings make a rate.
#[derive(Default)]
pub(crate) struct Machine {
    /// Busy and whole time of each processor, in ticks.
    processors: Vec<(u64, u64)>,
    /// When, and the bytes received and sent until then.
    network: Option<(Instant, [u64; 2])>,
}

impl Machine {
    /// Processors in percent, memory in bytes (used, all), network in bytes a second (in, out), and the server itself.
    pub(crate) fn read(&mut self, server: &ProcessUse) -> String {
        let cpu: Vec<u64> =
            self.processors().into_iter().map(|share| (share * 100.0).round() as u64).collect();
        let (used, all) = memory().unwrap_or_default();
        let [received, sent] = self.network();
        let ProcessUse { cpu_percent, rss_bytes } = server;
        let t = now_ms();
        format!(
            r#"{{"t":{t},"cpu":{cpu:?},"memory":[{used},{all}],"network":[{received},{sent}],"server":[{cpu_percent:.1},{rss_bytes}]}}"#
        )
    }

    /// The share of time that each was busy since it was read last.
    fn processors(&mut self) -> Vec<f64> {
        let stat = read_to_string("/proc/stat").unwrap_or_default();
        let is_one = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
        let times: Vec<_> = stat.lines().filter(is_one).map(busy_and_all).collect();
        let before = std::mem::replace(&mut self.processors, times);
        let since = self.processors.iter().zip(before);
        since
            .map(|(now, before)| {
                let (busy, all) = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
                busy as f64 / all.max(1) as f64
            })
            .collect()
    }

    fn network(&mut self) -> [u64; 2] {
        let (now, bytes) = (Instant::now(), network_bytes());
        let Some((at, before)) = self.network.replace((now, bytes)) else { return [0; 2] };
        let seconds = now.duration_since(at).as_secs_f64().max(0.001);
        [0, 1].map(|way| (bytes[way].saturating_sub(before[way]) as f64 / seconds) as u64)
    }
}

/// `cpu0 user nice system idle iowait irq softirq steal …` (proc_stat(5)); idle and iowait are not busy.
fn busy_and_all(line: &str) -> (u64, u64) {
    let times: Vec<u64> =
        line.split_ascii_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
    let all: u64 = times.iter().sum();
    (all - times.iter().skip(3).take(2).sum::<u64>(), all)
}

/// Bytes that are in use, and all of them (proc_meminfo(5)).
fn memory() -> Option<(u64, u64)> {
    let meminfo = read_to_string("/proc/meminfo").ok()?;
    let bytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let all = bytes("MemTotal:")?;
    Some((all.saturating_sub(bytes("MemAvailable:")?), all))
}

/// Received and sent over all interfaces, that to itself included: on one machine the demo's traffic is there
/// (proc_net_dev(5)).
fn network_bytes() -> [u64; 2] {
    let interfaces = read_to_string("/proc/net/dev").unwrap_or_default();
    let mut sum = [0; 2];
    for counts in interfaces.lines().filter_map(|line| line.split_once(':')) {
        let mut counts = counts.1.split_ascii_whitespace().map(|n| n.parse::<u64>().unwrap_or(0));
        sum[0] += counts.next().unwrap_or(0);
        sum[1] += counts.nth(7).unwrap_or(0);
    }
    sum
}
