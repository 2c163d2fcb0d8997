//! What this process uses of the machine, as far as the system tells.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ticks of a second in `/proc/self/stat`: Linux promises this to programs, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;
/// Questions that follow each other faster get the same share of a processor: ticks are too coarse for less.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessUse {
    /// Processor time, percent of one core, on average since somebody asked before, at the earliest since the start.
    pub cpu_percent: f64,
    /// Memory that is resident, bytes.
    pub rss_bytes: u64,
}

/// Measures the process from one question to the next.
#[derive(Debug)]
pub(crate) struct ProcessMeter {
    measured: Mutex<Measured>,
    started: Option<Duration>,
}

#[derive(Debug)]
struct Measured {
    at: Instant,
    cpu_s: f64,
    percent: Option<f64>,
}

impl ProcessMeter {
    pub(crate) fn new() -> Self {
        let measured = Measured { at: Instant::now(), cpu_s: cpu_s().unwrap_or_default(), percent: None };
        Self { measured: Mutex::new(measured), started: started() }
    }

    /// What is known now. Reads some small files.
    pub(crate) fn figures(&self) -> Figures {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).ok();
        let status = read("status").unwrap_or_default();
        Figures {
            cpu: cpu_s().map(Duration::from_secs_f64),
            resident_bytes: of_status(&status, "VmRSS:"),
            virtual_bytes: of_status(&status, "VmSize:"),
            open_files: open_files(),
            open_files_max: read("limits").and_then(|limits| of_limits(&limits)),
            started: self.started,
        }
    }

    /// `None` where the system does not tell.
    pub(crate) fn measure(&self) -> Option<ProcessUse> {
        let (cpu_s, rss_bytes) = (cpu_s()?, rss_bytes()?);
        let mut last = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = last.at.elapsed();
        let cpu_percent = match last.percent {
            Some(percent) if elapsed < INTERVAL_MIN => percent,
            _ => {
                let percent = 100.0 * (cpu_s - last.cpu_s) / elapsed.as_secs_f64().max(0.01);
                *last = Measured { at: Instant::now(), cpu_s, percent: Some(percent) };
                percent
            }
        };
        Some(ProcessUse { cpu_percent, rss_bytes })
    }
}

/// What a process has used and has, as far as the system tells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Figures {
    /// Processor time of all threads so far, in the program and in the kernel.
    pub(crate) cpu: Option<Duration>,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) virtual_bytes: Option<u64>,
    pub(crate) open_files: Option<u64>,
    pub(crate) open_files_max: Option<u64>,
    /// When it started, since the Unix epoch.
    pub(crate) started: Option<Duration>,
}

/// What the kernel holds for all TCP sockets of this machine, bytes; `None` where the system does not tell.
pub(crate) fn kernel_tcp_bytes() -> Option<u64> {
    of_sockstat(&std::fs::read_to_string("/proc/net/sockstat").ok()?)
}

/// Processor time of all threads so far, in the program and in the kernel.
fn cpu_s() -> Option<f64> {
    of_stat(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn rss_bytes() -> Option<u64> {
    of_status(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Linux says it as the size of the directory, from 6.2 on; before that the files are looked through, and there may be many.
fn open_files() -> Option<u64> {
    let folder = std::path::Path::new("/proc/self/fd");
    let said = folder.metadata().ok()?.len();
    if said > 0 { Some(said) } else { Some(folder.read_dir().ok()?.count() as u64) }
}

/// When the machine started, and when the process did after that.
fn started() -> Option<Duration> {
    let machine = of_boot(&std::fs::read_to_string("/proc/stat").ok()?)?;
    Some(machine + of_stat_start(&std::fs::read_to_string("/proc/self/stat").ok()?)?)
}

/// Fields 14 and 15 (proc_pid_stat(5)), counted from the end of the name, which may hold anything.
fn of_stat(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / TICKS_PER_SECOND)
}

/// `TCP: inuse 5 … mem 3`, in pages, which have 4 KiB where this server is tested.
fn of_sockstat(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    line.split_once(" mem ")?.1.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(4096)
}

/// Field 22 (proc_pid_stat(5)).
fn of_stat_start(stat: &str) -> Option<Duration> {
    let ticks: u64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}

fn of_boot(stat: &str) -> Option<Duration> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok().map(Duration::from_secs)
}

/// `Max open files  1024  4096  files`: the first is in force. `None` where there is no limit.
fn of_limits(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn of_status(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_read() {
        let stat = "7 (a ) name) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 100 1000 200";
        assert_eq!(of_stat(stat), Some(2.0));
        assert_eq!(of_status("Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1\n", "VmRSS:"), Some(1234 * 1024));
        assert_eq!(of_stat_start(stat), Some(Duration::from_secs(1)));
        assert_eq!(
            of_boot("cpu 1 2\nbtime 1700000000\nprocesses 1\n"),
            Some(Duration::from_secs(1_700_000_000))
        );
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024       4096     files\n";
        assert_eq!(
            (of_limits(limits), of_limits("Max open files  unlimited unlimited files")),
            (Some(1024), None)
        );
        for broken in ["", "7 (x", "7 (x) S 1", "7 (x) S 1 7 7 0 -1 4194560 100 0 0 0 x y"] {
            assert_eq!(of_stat(broken), None, "{broken}");
        }
        assert_eq!(of_status("VmRSS: much\n", "VmRSS:"), None);
        let sockstat = "sockets: used 14\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 23\nUDP: inuse 0 mem 5\n";
        assert_eq!(of_sockstat(sockstat), Some(23 * 4096));
        assert_eq!(of_sockstat("TCP: inuse 1\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something() {
        let used = ProcessMeter::new().measure().unwrap();
        assert!(used.rss_bytes > 100_000 && used.cpu_percent >= 0.0, "{used:?}");
        let figures = ProcessMeter::new().figures();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let age = now.saturating_sub(figures.started.unwrap());
        assert!(age < Duration::from_secs(3600), "{age:?}");
        assert!(figures.virtual_bytes >= figures.resident_bytes && figures.cpu.is_some(), "{figures:?}");
        let file = std::fs::File::open("/proc/self/status").unwrap();
        let more = ProcessMeter::new().figures().open_files.unwrap();
        assert!(more > 3 && figures.open_files.unwrap() > 3 && figures.open_files_max > figures.open_files);
        drop(file);
    }
}
