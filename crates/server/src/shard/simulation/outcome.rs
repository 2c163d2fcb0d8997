//! What the books say about those who ask for what was published before: whether they are to get all of it, and what.

use wavecast_protocol::centrifuge::{Error, HistoryResult, Res};

use super::kind::{Kind, RECOVERY_MAX};
use super::record::{Channel, Entry, State};

/// An offset and its epoch.
pub(super) type Position = (u64, String);

/// What a subscription that begins in this state is given, by place among the entries; `None`: it is not recovered, or has
/// not asked for that.
pub(super) fn recovered(
    kind: &Kind,
    channel: &Channel,
    state: State,
    from: Option<&Position>,
    is_wanted: impl Fn(&Entry) -> bool,
) -> Option<Vec<usize>> {
    let place = |offset: u64| state.base + offset as usize - 1;
    let is_wanted = |place: &usize| is_wanted(&channel.entries[*place]);
    if !kind.caches {
        let (offset, _) = from.filter(|from| covers(channel, state, from))?;
        let is_short = state.top - offset <= RECOVERY_MAX;
        return is_short.then(|| (offset + 1..=state.top).map(place).filter(is_wanted).collect());
    }
    if from.is_none() && !kind.caches_first {
        return None;
    }
    let seen =
        from.filter(|(offset, epoch)| epoch == channel.epoch(state) && (1..=state.top).contains(offset));
    let newest = (state.low + 1..=state.top).rev().map(place).find(is_wanted);
    match (newest, seen) {
        (Some(newest), Some((offset, _))) if place(*offset) >= newest => Some(Vec::new()),
        (Some(newest), _) => Some(vec![newest]),
        (None, Some((offset, _))) if *offset == state.top => Some(Vec::new()),
        (None, _) => None,
    }
}

/// Whether all that follows a position is still held.
fn covers(channel: &Channel, state: State, (offset, epoch): &Position) -> bool {
    epoch == channel.epoch(state) && (state.low..=state.top).contains(offset)
}

/// Compares a page of the history with all that it may have been since `known` states.
pub(super) fn expect_page(
    kind: &Kind,
    channel: &Channel,
    since: Option<&Position>,
    limit: i32,
    known: usize,
    body: &Result<Res<'_>, Error>,
    data: impl Fn(&Entry) -> Vec<u8>,
) {
    let is_same_life = |state: &State| since.is_none_or(|(_, epoch)| epoch == channel.epoch(*state));
    let page = match body {
        Ok(Res::History(page)) => page,
        Err(error) if error.code == Error::NOT_AVAILABLE.code => {
            return assert_eq!(kind.history, 0, "there is a history");
        }
        Err(error) if error.code == Error::UNRECOVERABLE_POSITION.code => {
            let is_lost = channel.states[known..].iter().any(|state| !is_same_life(state));
            return assert!(is_lost, "{since:?} was of the same life all the time");
        }
        other => panic!("history: {other:?}"),
    };
    let HistoryResult { publications, offset: top, epoch } = page;
    let given: Vec<_> = publications.iter().map(|p| (p.offset, p.data.to_vec())).collect();
    let may_be = |state: &State| {
        // What is gone is passed over.
        let start = since.map_or(state.low, |(offset, _)| (*offset).clamp(state.low, state.top));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let offsets = (start + 1..=state.top).take(most);
        let entries = offsets.map(|offset| &channel.entries[state.base + offset as usize - 1]);
        let expected = entries.map(|entry| (entry.offset, data(entry)));
        state.top == *top && is_same_life(state) && expected.eq(given.iter().cloned())
    };
    let is_right = channel.states_since(known, epoch).any(|state| may_be(&state));
    assert!(is_right, "a page since {since:?}, at most {limit}: {given:?} up to {top} of {epoch}");
}
