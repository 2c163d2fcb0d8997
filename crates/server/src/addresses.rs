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
/// Addresses without a connection that one stripe remembers for their rate. Beyond, those that rest are forgotten; while none
/// rests, a new address is let in without being counted.
const REMEMBERED_MAX: usize = 4096;
/// An address rests when it has not been used for so long; those that do are looked for as often, milliseconds.
const REST_MS: u64 = 1000;

/// Connections by address. Without limits it keeps nothing.
#[derive(Debug)]
pub(crate) struct Addresses {
    limit: usize,
    rate: u32,
    stripes: Box<[Mutex<Stripe>]>,
    scatter: RandomState,
}

#[derive(Debug, Default)]
struct Stripe {
    entries: HashMap<IpAddr, Entry>,
    /// When those that rest were forgotten last, and how many addresses had a connection then.
    swept: Option<(u64, usize)>,
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
        if !stripe.remembers_one_more(address, now_ms) {
            return Ok(());
        }
        let entry = stripe.entries.entry(address).or_insert(Entry { open: 0, rate: None, used_ms: now_ms });
        entry.used_ms = now_ms;
        // It may be there because of something that does not knock.
        if entry.rate.is_none() {
            entry.rate = Bucket::new(self.rate, now_ms);
        }
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
        let entry = stripe.entries.entry(address).or_insert(Entry { open: 0, rate: None, used_ms: 0 });
        let has_room = self.limit == 0 || entry.open < self.limit;
        entry.open += usize::from(has_room);
        has_room
    }

    /// Something else counts as a connection of this address until it is dropped. `None` if there are too many.
    pub(crate) fn hold(&self, address: IpAddr) -> Option<Held<'_>> {
        let has_room = !self.is_limited() || self.opened(address);
        has_room.then(|| Held { addresses: self, address })
    }

    /// A connection that was counted is gone.
    pub(crate) fn closed(&self, address: IpAddr) {
        if !self.is_limited() {
            return;
        }
        let address = counted(address);
        let mut stripe = self.stripe(address);
        if let Some(entry) = stripe.entries.get_mut(&address) {
            entry.open = entry.open.saturating_sub(1);
            if entry.open == 0 && entry.rate.is_none() {
                stripe.entries.remove(&address);
            }
        }
    }

    fn stripe(&self, address: IpAddr) -> MutexGuard<'_, Stripe> {
        let index = self.scatter.hash_one(address) as usize % STRIPES;
        self.stripes[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as a connection of an address.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    addresses: &'a Addresses,
    address: IpAddr,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.addresses.closed(self.address);
    }
}

impl Stripe {
    /// Whether the address is known, or there is room for it.
    fn remembers_one_more(&mut self, address: IpAddr, now_ms: u64) -> bool {
        let is_full = |stripe: &Self| {
            stripe.entries.len()
                >= REMEMBERED_MAX + stripe.swept.map_or(0, |(_, with_connections)| with_connections)
        };
        if !is_full(self) || self.entries.contains_key(&address) {
            return true;
        }
        // Not with each address: a sweep looks at all of them.
        if self.swept.is_none_or(|(at_ms, _)| now_ms.saturating_sub(at_ms) >= REST_MS) {
            self.entries.retain(|_, entry| entry.open > 0 || now_ms.saturating_sub(entry.used_ms) < REST_MS);
            let with_connections = self.entries.values().filter(|entry| entry.open > 0).count();
            self.swept = Some((now_ms, with_connections));
        }
        !is_full(self)
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
    use std::net::Ipv4Addr;

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
        assert!(
            addresses.stripes.iter().all(|stripe| stripe.lock().unwrap().entries.is_empty()),
            "nothing is left"
        );
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

    #[test]
    fn who_holds_something_else_is_not_spared_the_rate() {
        let addresses = Addresses::new(0, 2);
        let address: IpAddr = [10, 0, 0, 1].into();
        let held = addresses.hold(address).unwrap();
        let knocks = [0; 3].map(|_| addresses.knock(address, 0));
        assert_eq!(knocks, [Ok(()), Ok(()), Err(TooMany::PerSecond)]);
        drop(held);
        assert_eq!(addresses.knock(address, 0), Err(TooMany::PerSecond));
    }

    #[test]
    fn a_flood_from_many_addresses_takes_bounded_memory_and_keeps_nobody_out() {
        let addresses = Addresses::new(0, 1);
        let all = (2 * STRIPES * REMEMBERED_MAX) as u32;
        for number in 0..all {
            assert_eq!(addresses.knock(Ipv4Addr::from_bits(number).into(), 5), Ok(()));
        }
        let remembered =
            || addresses.stripes.iter().map(|stripe| stripe.lock().unwrap().entries.len()).sum::<usize>();
        assert_eq!(remembered(), STRIPES * REMEMBERED_MAX);
        // Those that rest make room.
        for number in 0..all {
            assert_eq!(addresses.knock(Ipv4Addr::from_bits(all + number).into(), 2_000), Ok(()));
        }
        assert_eq!(remembered(), STRIPES * REMEMBERED_MAX);
        let known = addresses.stripes[0].lock().unwrap().entries.keys().next().copied().unwrap();
        assert_eq!(addresses.knock(known, 2_000), Err(TooMany::PerSecond));
    }
}
