//! Answers as JSON: each written once for all who are told the same at about the same time, and counted for as long as any of
//! them waits to be sent.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::mem;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use wavecast_hub::Publication;
use wavecast_protocol::centrifuge::{self, json};

use crate::metrics::PollTally;
use crate::polling::PollPage;
use crate::wire::{self, Data};

/// Answers that are remembered, for others who are told the same.
const REMEMBERED_MAX: usize = 16;
/// Shorter answers are sent as they are: gzip has a frame of its own, and they fit one packet either way.
const GZIP_BYTES_MIN: usize = 1024;

/// What is on its way to clients.
#[derive(Debug)]
pub(super) struct Writing {
    latest: Mutex<VecDeque<(Key, Arc<Written>)>>,
    tally: Arc<PollTally>,
    unsent_max: usize,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) json: Bytes,
    /// Stands for its bytes. It need not be the same in another version of this program.
    pub(super) tag: u64,
    gzip: OnceLock<Option<Bytes>>,
    tally: Arc<PollTally>,
}

/// What makes two answers the same. An address that is weakly held is not used again.
#[derive(Debug)]
struct Key {
    publications: Vec<Weak<Publication>>,
    next: String,
    gaps: Vec<Box<str>>,
    has_more: bool,
}

/// Bytes that count until the last who sends them has done so.
struct Counted {
    bytes: Vec<u8>,
    tally: Arc<PollTally>,
}

impl Writing {
    /// `unsent_max`: bytes that may wait to be sent.
    pub(super) fn new(unsent_max: usize, tally: Arc<PollTally>) -> Self {
        Self { latest: Mutex::default(), tally, unsent_max }
    }

    /// Writes an answer, or finds it written. `None` when too much waits to be sent: what is asked for again is not lost.
    pub(super) fn write(&self, page: &PollPage) -> Option<Arc<Written>> {
        let next = page.next.to_string();
        if page.publications.is_empty() {
            return Some(Arc::new(Written::of(page, &next, &self.tally)));
        }
        if let Some(written) = self.find(page, &next) {
            return Some(written);
        }
        if self.tally.unsent_bytes() > self.unsent_max {
            // What is only remembered waits for nobody.
            let remembered = mem::take(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner));
            drop(remembered);
            if self.tally.unsent_bytes() > self.unsent_max {
                return None;
            }
        }
        let written = Arc::new(Written::of(page, &next, &self.tally));
        let key = Key {
            publications: page.publications.iter().map(Arc::downgrade).collect(),
            next,
            gaps: page.gaps.clone(),
            has_more: page.has_more,
        };
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if latest.len() < REMEMBERED_MAX { None } else { latest.pop_front() };
        latest.push_back((key, Arc::clone(&written)));
        drop(latest);
        drop(oldest);
        Some(written)
    }

    fn find(&self, page: &PollPage, next: &str) -> Option<Arc<Written>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let found = latest.iter().rev().find(|(key, _)| key.is_of(page, next));
        found.map(|(_, written)| Arc::clone(written))
    }
}

impl Key {
    fn is_of(&self, page: &PollPage, next: &str) -> bool {
        let is_same =
            |(kept, publication): (&Weak<Publication>, &Arc<_>)| kept.as_ptr() == Arc::as_ptr(publication);
        self.next == next
            && self.has_more == page.has_more
            && self.gaps == page.gaps
            && self.publications.len() == page.publications.len()
            && self.publications.iter().zip(&page.publications).all(is_same)
    }
}

impl Written {
    fn of(page: &PollPage, next: &str, tally: &Arc<PollTally>) -> Self {
        let json = written(page, next);
        let mut hasher = DefaultHasher::new();
        hasher.write(&json);
        Self {
            tag: hasher.finish(),
            json: counted(json, tally),
            gzip: OnceLock::new(),
            tally: Arc::clone(tally),
        }
    }

    /// The same, compressed, where that helps: once for all.
    pub(super) fn gzip(&self) -> Option<&Bytes> {
        let compress = || {
            let is_long = self.json.len() >= GZIP_BYTES_MIN;
            is_long.then(|| compressed(&self.json)).flatten().map(|gzip| counted(gzip, &self.tally))
        };
        self.gzip.get_or_init(compress).as_ref()
    }
}

fn counted(bytes: Vec<u8>, tally: &Arc<PollTally>) -> Bytes {
    tally.hold(bytes.capacity());
    Bytes::from_owner(Counted { bytes, tally: Arc::clone(tally) })
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.let_go(self.bytes.capacity());
    }
}

fn written(page: &PollPage, next: &str) -> Vec<u8> {
    let payloads: usize = page.publications.iter().map(|publication| publication.data.len() + 100).sum();
    let mut out = Vec::with_capacity(payloads + next.len() + 100);
    out.extend_from_slice(b"{\"publications\":[");
    for (index, publication) in page.publications.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let content = centrifuge::Publication {
            channel: (&*publication.channel).into(),
            ..wire::publication(publication, Data::Plain)
        };
        json::encode_publication(&content, &mut out);
    }
    let rest = Rest { next, gap: !page.gaps.is_empty(), gaps: &page.gaps, more: page.has_more };
    // An object that goes on where the list ends. Texts and switches cannot fail to be written to memory.
    let rest = serde_json::to_vec(&rest).unwrap_or_default();
    out.extend_from_slice(b"],");
    out.extend_from_slice(rest.get(1..).unwrap_or_default());
    out
}

#[derive(Serialize)]
struct Rest<'p> {
    next: &'p str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gap: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    gaps: &'p [Box<str>],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

fn compressed(json: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 2), Compression::fast());
    encoder.write_all(json).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(publication: &Arc<Publication>) -> PollPage {
        PollPage { publications: vec![Arc::clone(publication)], ..PollPage::default() }
    }

    fn publication() -> Arc<Publication> {
        Arc::new(Publication { data: (*b"[1]").into(), is_json: true, ..Publication::default() })
    }

    #[test]
    fn what_several_are_told_is_written_once() {
        let writing = Writing::new(usize::MAX, Arc::default());
        let (first, other) = (publication(), publication());
        let written = writing.write(&page(&first)).unwrap();
        assert!(Arc::ptr_eq(&written, &writing.write(&page(&first)).unwrap()));
        assert!(!Arc::ptr_eq(&written, &writing.write(&page(&other)).unwrap()), "equal is not the same");
        let more = PollPage { has_more: true, ..page(&first) };
        assert!(!Arc::ptr_eq(&written, &writing.write(&more).unwrap()));
        assert_eq!(&*written.json, br#"{"publications":[{"data":[1]}],"next":""}"#);
        for _ in 0..2 * REMEMBERED_MAX {
            writing.write(&page(&publication())).unwrap();
        }
        assert!(!Arc::ptr_eq(&written, &writing.write(&page(&first)).unwrap()), "it is forgotten");
    }

    #[test]
    fn what_waits_to_be_sent_is_bounded() {
        let writing = Writing::new(1, Arc::default());
        let (first, other) = (publication(), publication());
        let unsent = writing.write(&page(&first)).unwrap().json.clone();
        assert!(writing.write(&page(&first)).is_some(), "another reference takes nothing");
        assert!(writing.write(&page(&other)).is_none());
        assert!(writing.write(&PollPage::default()).is_some(), "one that brings nothing is always answered");
        drop(unsent);
        for _ in 0..2 * REMEMBERED_MAX {
            assert!(writing.write(&page(&publication())).is_some(), "what is remembered keeps nobody out");
        }
    }
}
