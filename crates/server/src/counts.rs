//! How many clients, users and subscriptions a node has, and whether one more may come.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wavecast_protocol::centrifuge::Disconnect;

use crate::config::Client;
use crate::rate::Bucket;

/// Into how many locks the users are spread.
const STRIPES: usize = 64;

/// Clients by user.
type Users = HashMap<Box<str>, usize>;

/// How many of what this node has now; each shard adds and takes away its own.
#[derive(Debug)]
pub(crate) struct Counts {
    clients: AtomicUsize,
    subscriptions: AtomicUsize,
    /// Users with at least one client, and how many they have. Anonymous clients are no users.
    users: Box<[Mutex<Users>]>,
    users_count: AtomicUsize,
    scatter: RandomState,
    /// What `client.connection_rate_limit` still gives.
    connections: Mutex<Option<Bucket>>,
}

impl Counts {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            clients: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
            users: (0..STRIPES).map(|_| Mutex::default()).collect(),
            users_count: AtomicUsize::new(0),
            scatter: RandomState::new(),
            connections: Mutex::new(bucket(client, 0)),
        }
    }

    /// Whether one more connection may come now; it is counted then.
    pub(crate) fn connection_may_come(&self, now_ms: u64) -> bool {
        let mut bucket = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.as_mut().is_none_or(|bucket| bucket.take(now_ms))
    }

    /// Connections come as fast as this allows from now on.
    pub(crate) fn set_connection_rate(&self, client: &Client, now_ms: u64) {
        *self.connections.lock().unwrap_or_else(PoisonError::into_inner) = bucket(client, now_ms);
    }

    /// Counts one client more, unless there are too many already; nothing is counted then. Gives how many of this user there
    /// are now; 0 for an anonymous one.
    ///
    /// # Errors
    /// 3504 when there are too many, or too many of this user.
    pub(crate) fn client_came(&self, user: &str, client: &Client) -> Result<usize, Disconnect> {
        let limit = client.connection_limit;
        let one_more = |clients| (limit == 0 || clients < limit).then_some(clients + 1);
        if self.clients.fetch_update(Relaxed, Relaxed, one_more).is_err() {
            return Err(Disconnect::CONNECTION_LIMIT);
        }
        if let Some(count) = self.add_of_user(user, client.user_connection_limit) {
            return Ok(count);
        }
        self.clients.fetch_sub(1, Relaxed);
        Err(Disconnect::CONNECTION_LIMIT)
    }

    /// One client less.
    pub(crate) fn client_left(&self, user: &str) {
        self.clients.fetch_sub(1, Relaxed);
        if user.is_empty() {
            return;
        }
        let mut users = self.stripe(user);
        if let Some(count) = users.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                users.remove(user);
                self.users_count.fetch_sub(1, Relaxed);
            }
        }
    }

    pub(crate) fn subscribed(&self) {
        self.subscriptions.fetch_add(1, Relaxed);
    }

    pub(crate) fn unsubscribed(&self) {
        self.subscriptions.fetch_sub(1, Relaxed);
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions.load(Relaxed)
    }

    /// Users with a name that are here.
    pub(crate) fn users(&self) -> usize {
        self.users_count.load(Relaxed)
    }

    /// How many the user has then; `None`, and nothing counted, if that is too many.
    fn add_of_user(&self, user: &str, limit: usize) -> Option<usize> {
        if user.is_empty() {
            return Some(0);
        }
        let mut users = self.stripe(user);
        match users.get_mut(user) {
            Some(count) if limit > 0 && *count >= limit => None,
            Some(count) => {
                *count += 1;
                Some(*count)
            }
            None => {
                users.insert(user.into(), 1);
                self.users_count.fetch_add(1, Relaxed);
                Some(1)
            }
        }
    }

    fn stripe(&self, user: &str) -> MutexGuard<'_, Users> {
        let index = self.scatter.hash_one(user) as usize % STRIPES;
        self.users[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As fast as connections may come.
fn bucket(client: &Client, now_ms: u64) -> Option<Bucket> {
    Bucket::new(u32::try_from(client.connection_rate_limit).unwrap_or(u32::MAX), now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_nothing_is_left() {
        let client = Client { connection_limit: 3, user_connection_limit: 2, ..Client::default() };
        let counts = Counts::new(&client);
        let come = |user| counts.client_came(user, &client).map_err(|refused| refused.code);
        assert_eq!((come("a"), come("a"), come("a")), (Ok(1), Ok(2), Err(3504)));
        assert_eq!((come("b"), come("")), (Ok(1), Err(3504)));
        assert_eq!((counts.clients(), counts.users()), (3, 2));
        for user in ["a", "a", "b"] {
            counts.client_left(user);
        }
        assert_eq!((counts.clients(), counts.users()), (0, 0));
        assert_eq!(come(""), Ok(0));
        assert_eq!(counts.users(), 0, "anonymous clients are no users");
    }

    #[test]
    fn connections_may_come_so_fast_and_no_faster() {
        let client = Client { connection_rate_limit: 2, ..Client::default() };
        let counts = Counts::new(&client);
        let came = |now_ms| (0..5).filter(|_| counts.connection_may_come(now_ms)).count();
        assert_eq!((came(0), came(500), came(10_000)), (2, 1, 2));
    }
}
