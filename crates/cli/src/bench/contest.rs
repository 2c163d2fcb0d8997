//! Who is measured in the same run as the server, and how much processor time each takes beside the others.
//!
//! A contest is run in rounds, and a ratio is one of figures of the same round: what the machine does meanwhile hits all of
//! them. Each round begins with another contender, so that nobody always comes first.

use super::error::BenchError;
use super::table::{Table, median};

/// A program to be measured beside the server: `--beside NAME=COMMAND`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rival {
    pub(super) name: String,
    /// A command with arguments, split at spaces, whose output names a `ws://` URL.
    pub(super) command: String,
}

impl Rival {
    /// Reads `NAME=COMMAND`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, command)) if !name.trim().is_empty() && !command.trim().is_empty() => {
                Ok(Self { name: name.trim().into(), command: command.trim().into() })
            }
            _ => Err("expected NAME=COMMAND".into()),
        }
    }
}

/// One who is measured. The server is the first of a contest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Server,
    /// What the kernel alone costs.
    Raw,
    Rival(Rival),
}

impl Contender {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Server => "server".into(),
            Self::Raw => "raw loop".into(),
            Self::Rival(rival) => rival.name.clone(),
        }
    }
}

/// Measures each contender once a round. Returns the figures of each, in the order of the contenders and of the rounds.
pub(super) fn hold<F>(
    contenders: &[Contender],
    rounds: u32,
    mut measure: impl FnMut(&Contender) -> Result<F, BenchError>,
) -> Result<Vec<Vec<F>>, BenchError> {
    let mut figures: Vec<Vec<F>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            let place = (round + turn) % contenders.len();
            figures[place].push(measure(&contenders[place])?);
        }
    }
    Ok(figures)
}

/// The first one's cost ÷ another's, round by round.
pub(super) fn ratios(of: &[Option<f64>], to: &[Option<f64>]) -> Vec<Option<f64>> {
    of.iter().zip(to).map(|(of, to)| Some((*of)? / (*to)?)).collect()
}

/// The row of a figure: of each contender the median.
pub(super) fn medians(of_each: &[Vec<Option<f64>>]) -> Vec<Option<f64>> {
    of_each.iter().map(|rounds| median(rounds.iter().copied().flatten())).collect()
}

/// The rows of a cost: the medians, and how the server's compares with the others'.
pub(super) fn compare(table: &mut Table, label: &str, costs: &[Vec<Option<f64>>]) {
    let Some(first) = costs.first() else { return };
    table.row(label, medians(costs));
    if costs.len() < 2 {
        return;
    }
    let mut of_each: Vec<Vec<f64>> =
        costs.iter().map(|other| ratios(first, other).into_iter().flatten().collect()).collect();
    // Of the server to itself there is nothing to tell.
    of_each[0].clear();
    let extreme = |pick: fn(f64, f64) -> f64| {
        of_each.iter().map(|ratios| ratios.iter().copied().reduce(pick)).collect::<Vec<_>>()
    };
    table.row("server ÷ this", of_each.iter().map(|ratios| median(ratios.iter().copied())).collect());
    table.row("  lowest of the rounds", extreme(f64::min));
    table.row("  highest", extreme(f64::max));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rival_is_a_name_and_a_command() {
        let rival = Rival::parse("other = ./server --port=0").unwrap();
        assert_eq!(rival, Rival { name: "other".into(), command: "./server --port=0".into() });
        for text in ["", "name", "=command", "name= "] {
            assert!(Rival::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_round_begins_with_another_and_ratios_pair_rounds() {
        let rival = Contender::Rival(Rival::parse("r=c").unwrap());
        let contenders = [Contender::Server, Contender::Raw, rival];
        let mut order = Vec::new();
        let figures = hold(&contenders, 2, |contender| {
            order.push(contender.name());
            Ok(Some(order.len() as f64))
        });
        assert_eq!(order, ["server", "raw loop", "r", "raw loop", "r", "server"]);
        let figures = figures.unwrap();
        assert_eq!(ratios(&figures[0], &figures[1]), [Some(1.0 / 2.0), Some(6.0 / 4.0)]);
        assert_eq!(medians(&figures), [Some(3.5), Some(3.0), Some(4.0)]);
        assert_eq!(ratios(&[None], &[Some(1.0)]), [None]);
    }
}
