//! How many connections come from one address, and how fast: judged at the door, before anything is allocated for them.
//!
//! IPv6 addresses are counted by their /64, which is what one customer has.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rate::Bucket;

/// Into how many locks the addresses are spread.
const STRIPES: usize = 64;
/// Addresses without a connection that one stripe remembers for their rate; beyond, those that rest are forgotten.
const REMEMBERED_MAX: usize = 4096;

/// Connections by address. Without limits it keeps nothing.
#[derive(Debug)]
pub(crate) struct Addresses {
    limit: usize,
    rate: u32,
    stripes: Box<[Mutex<HashMap<IpAddr, Entry>>]>,
    scatter: RandomState,
}

#[derive(Debug)]
struct Entry {
    open: usize,
    rate: Option<Bucket>,
    used_ms: u64,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    Connections,
    PerSecond,
}

impl Addresses {
    /// `limit`: connections of one address at once; `rate`: so many more a second. 0: no limit.
    pub(crate) fn new(limit: usize, rate: usize) -> Self {
        Self {
            limit,
            rate: u32::try_from(rate).unwrap_or(u32::MAX),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            scatter: RandomState::new(),
        }
    }

    /// Whether there is any limit; if not, nothing need be counted.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit > 0 || self.rate > 0
    }

    /// Somebody knocks: takes one of the address's connections a second, and looks whether there are too many.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(crate) fn knock(&self, address: IpAddr, now_ms: u64) -> Result<(), TooMany> {
        if !self.is_limited() {
            return Ok(());
        }
        let address = counted(address);
        let mut stripe = self.stripe(address);
        if stripe.len() >= REMEMBERED_MAX {
            stripe.retain(|_, entry| entry.open > 0 || now_ms.saturating_sub(entry.used_ms) < 1000);
        }
        let entry = stripe.entry(address).or_insert_with(|| Entry {
            open: 0,
            rate: Bucket::new(self.rate, now_ms),
            used_ms: now_ms,
        });
        entry.used_ms = now_ms;
        if self.limit > 0 && entry.open >= self.limit {
            return Err(TooMany::Connections);
        }
        let is_too_fast = entry.rate.as_mut().is_some_and(|bucket| !bucket.take(now_ms));
        if is_too_fast { Err(TooMany::PerSecond) } else { Ok(()) }
    }

    /// A connection is open, and counted until [`Addresses::closed`]. `false`, and not counted, if another shard has let
    /// in the last one meanwhile.
    #[must_use]
    pub(crate) fn opened(&self, address: IpAddr) -> bool {
        let address = counted(address);
        let mut stripe = self.stripe(address);
        let entry = stripe.entry(address).or_insert(Entry { open: 0, rate: None, used_ms: 0 });
        let has_room = self.limit == 0 || entry.open < self.limit;
        entry.open += usize::from(has_room);
        has_room
    }

    /// A connection that was counted is gone.
    pub(crate) fn closed(&self, address: IpAddr) {
        if !self.is_limited() {
            return;
        }
        let address = counted(address);
        let mut stripe = self.stripe(address);
        if let Some(entry) = stripe.get_mut(&address) {
            entry.open = entry.open.saturating_sub(1);
            if entry.open == 0 && entry.rate.is_none() {
                stripe.remove(&address);
            }
        }
    }

    fn stripe(&self, address: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, Entry>> {
        let index = self.scatter.hash_one(address) as usize % STRIPES;
        self.stripes[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is counted as one address.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(addresses: &Addresses, address: IpAddr) -> Result<(), TooMany> {
        addresses.knock(address, 0)?;
        assert!(addresses.opened(address));
        Ok(())
    }

    #[test]
    fn one_address_has_so_many_connections_and_others_have_theirs() {
        let addresses = Addresses::new(2, 0);
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let opened = [a, a, a, b].map(|address| open(&addresses, address).is_ok());
        assert_eq!(opened, [true, true, false, true]);
        assert!(!addresses.opened(a), "another shard was quicker");
        addresses.closed(a);
        assert_eq!(open(&addresses, a), Ok(()));
        for address in [a, a, b] {
            addresses.closed(address);
        }
        assert!(addresses.stripes.iter().all(|stripe| stripe.lock().unwrap().is_empty()), "nothing is left");
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_mapped_ones_are_ipv4() {
        let addresses = Addresses::new(1, 0);
        assert_eq!(open(&addresses, "2001:db8:1:2::1".parse().unwrap()), Ok(()));
        let same = open(&addresses, "2001:db8:1:2:ffff::9".parse().unwrap());
        assert_eq!(same, Err(TooMany::Connections));
        assert_eq!(open(&addresses, "2001:db8:1:3::1".parse().unwrap()), Ok(()));
        assert_eq!(open(&addresses, "::ffff:10.0.0.1".parse().unwrap()), Ok(()));
        assert_eq!(open(&addresses, "10.0.0.1".parse().unwrap()), Err(TooMany::Connections));
    }

    #[test]
    fn who_comes_too_fast_is_told_so_even_after_going() {
        let addresses = Addresses::new(0, 2);
        let address: IpAddr = [10, 0, 0, 1].into();
        for _ in 0..2 {
            assert_eq!(open(&addresses, address), Ok(()));
            addresses.closed(address);
        }
        assert_eq!(addresses.knock(address, 100), Err(TooMany::PerSecond));
        assert_eq!(addresses.knock(address, 600), Ok(()));
    }
}
