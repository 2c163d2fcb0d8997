//! What a process has used: processor time and memory, as the kernel counts them in `/proc`.
//!
//! The server under test is always a process of its own, so these are its figures and nobody else's. What the kernel does
//! on behalf of a send (on loopback that includes receiving it) is charged to the sender, for the server as for the raw
//! sender that it is compared with.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// A server whose processor use stays below this share of one core is at rest.
const REST_SHARE: f64 = 0.02;
const REST_SAMPLE: Duration = Duration::from_millis(50);
const REST_WAIT_MAX: Duration = Duration::from_secs(5);

/// The books of one process.
#[derive(Clone, Debug)]
pub(super) struct Account {
    proc: PathBuf,
}

/// Processor time up to one moment.
#[derive(Clone, Debug)]
pub(super) struct CpuSample {
    /// Of each living thread, to the nanosecond; sorted by thread.
    threads: Vec<(u32, u64)>,
    /// Of the whole process with threads that have ended, to the clock tick (10 ms).
    process_ns: u64,
}

impl CpuSample {
    /// Processor time (user and system) used since an earlier sample of the same process.
    ///
    /// To the nanosecond, unless a thread has ended in between and taken its figure with it: then to the clock tick.
    pub(super) fn since(&self, earlier: &Self) -> Duration {
        let mut used_ns = self.threads.iter().map(|(_, ns)| ns).sum::<u64>();
        for (thread, ns) in &earlier.threads {
            if self.threads.binary_search_by_key(thread, |(thread, _)| *thread).is_err() || *ns == 0 {
                return Duration::from_nanos(self.process_ns.saturating_sub(earlier.process_ns));
            }
            used_ns = used_ns.saturating_sub(*ns);
        }
        Duration::from_nanos(used_ns)
    }
}

impl Account {
    /// Fails when there is no such process, or no `/proc` (anywhere but on Linux).
    pub(super) fn open(pid: u32) -> io::Result<Self> {
        let account = Self { proc: PathBuf::from(format!("/proc/{pid}")) };
        account.cpu()?;
        Ok(account)
    }

    pub(super) fn cpu(&self) -> io::Result<CpuSample> {
        let mut threads = Vec::new();
        for entry in fs::read_dir(self.proc.join("task"))? {
            let entry = entry?;
            // A thread may end between the listing and the reading; `since` notices.
            let Ok(schedstat) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let thread = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let on_cpu_ns = schedstat.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok());
            threads.extend(thread.zip(on_cpu_ns));
        }
        threads.sort_unstable();
        let stat = fs::read_to_string(self.proc.join("stat"))?;
        let ticks = ticks_from_stat(&stat).ok_or_else(|| malformed("stat"))?;
        let process_ns = ticks * 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        Ok(CpuSample { threads, process_ns })
    }

    /// Proportional set size (private memory, and shared memory divided by those who share it) without the pages of files:
    /// program text is no memory of a connection, and load processes that run the same program would change its share.
    /// User space only: what the kernel keeps for a socket is not in it.
    pub(super) fn memory_bytes(&self) -> io::Result<u64> {
        let rollup = fs::read_to_string(self.proc.join("smaps_rollup"))?;
        memory_from_rollup(&rollup).ok_or_else(|| malformed("smaps_rollup"))
    }

    /// Waits, at most 5 s, until the process has stopped working off what came before.
    pub(super) fn wait_for_rest(&self) -> io::Result<()> {
        let (begun, mut calm) = (Instant::now(), 0);
        let mut earlier = self.cpu()?;
        while calm < 2 && begun.elapsed() < REST_WAIT_MAX {
            thread::sleep(REST_SAMPLE);
            let now = self.cpu()?;
            calm = if now.since(&earlier) < REST_SAMPLE.mul_f64(REST_SHARE) { calm + 1 } else { 0 };
            earlier = now;
        }
        Ok(())
    }
}

/// `utime` and `stime`, fields 14 and 15 of proc_pid_stat(5), counted from behind the name, which may hold anything.
fn ticks_from_stat(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn memory_from_rollup(rollup: &str) -> Option<u64> {
    let kilobytes = |name: &str| {
        let value = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        value.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    // Kernels before 5.4 do not tell the pages of files apart.
    Some(kilobytes("Pss:")?.saturating_sub(kilobytes("Pss_File:").unwrap_or(0)) * 1024)
}

fn malformed(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{file} of the process is not in the form of proc(5)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_a_hostile_name() {
        let stat = "42 (a ) 1 2 (b) S 1 42 42 0 -1 4194304 100 0 0 0 70 30 0 0 20 0 1 0 1000 0 0";
        assert_eq!(ticks_from_stat(stat), Some(100));
        assert_eq!(ticks_from_stat("42 (short) S 1"), None);
    }

    #[test]
    fn memory_is_proportional_and_without_files() {
        let rollup = "0-1 ---p\nRss:  900 kB\nPss:  320 kB\nPss_Anon: 116 kB\nPss_File: 204 kB\n";
        assert_eq!(memory_from_rollup(rollup), Some(116 * 1024));
        assert_eq!(memory_from_rollup("Pss: 320 kB\n"), Some(320 * 1024));
        assert_eq!(memory_from_rollup("Rss: 1 kB\n"), None);
    }

    #[test]
    fn time_is_summed_over_threads_and_falls_back_when_one_has_ended() {
        let earlier = CpuSample { threads: vec![(1, 100), (2, 50)], process_ns: 10_000_000 };
        let later = CpuSample { threads: vec![(1, 150), (2, 60), (3, 7)], process_ns: 30_000_000 };
        assert_eq!(later.since(&earlier), Duration::from_nanos(67));
        let one_ended = CpuSample { threads: vec![(1, 150)], process_ns: 30_000_000 };
        assert_eq!(one_ended.since(&earlier), Duration::from_millis(20));
    }

    #[test]
    fn own_process_has_used_time_and_memory() {
        let account = Account::open(std::process::id()).unwrap();
        let before = account.cpu().unwrap();
        // How soon it gets the time is the machine's to say.
        let begun = Instant::now();
        while account.cpu().unwrap().since(&before) <= Duration::from_millis(1) {
            assert!(begun.elapsed() < Duration::from_secs(30), "time is counted");
        }
        assert!(account.memory_bytes().unwrap() > 100_000);
    }
}
