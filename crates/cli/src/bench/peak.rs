//! The most memory that a process has while something is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::account::Account;

/// Often enough to meet a queue that is full for a moment, seldom enough not to hold the process up.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);

/// A thread that looks now and then.
#[derive(Debug)]
pub(super) struct Peak {
    ended: Arc<AtomicBool>,
    watching: JoinHandle<u64>,
}

impl Peak {
    pub(super) fn watch(account: Account) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let watching = thread::spawn(move || {
            let mut peak = 0;
            loop {
                let is_last = seen.load(Ordering::Relaxed);
                // A process that has gone has no memory; that it has gone is noticed elsewhere.
                peak = account.memory_bytes().unwrap_or(0).max(peak);
                if is_last {
                    return peak;
                }
                thread::sleep(SAMPLE_INTERVAL);
            }
        });
        Self { ended, watching }
    }

    /// The most that was seen, in bytes.
    pub(super) fn end(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.watching.join().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_is_gone_again_has_been_seen() {
        let account = Account::open(std::process::id()).unwrap();
        let before = account.memory_bytes().unwrap();
        let begun = Instant::now();
        // A thread that comes to no turn in this time has seen nothing, and is no fault.
        loop {
            let peak = Peak::watch(account.clone());
            let block = std::hint::black_box(vec![1_u8; 64 << 20]);
            thread::sleep(4 * SAMPLE_INTERVAL);
            drop(block);
            let most = peak.end();
            if most > before + (60 << 20) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{most} bytes, before it {before}");
        }
    }
}
