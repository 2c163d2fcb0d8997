//! Several runs as one: of each cost the median, of each fault the sum.

use super::super::latency::LatencySummary;
use super::super::table::median;
use super::figures::{RateFigures, TransportFigures};

/// What several runs of one course come to. All of them have the same transports and the same rates.
pub(super) fn of_runs(runs: &[Vec<TransportFigures>]) -> Vec<TransportFigures> {
    let transports = runs.first().map_or(0, Vec::len);
    let of = |at: usize| runs.iter().map(move |run| &run[at]).collect::<Vec<_>>();
    (0..transports).map(|at| transport(&of(at))).collect()
}

fn transport(runs: &[&TransportFigures]) -> TransportFigures {
    let middle = |take: fn(&TransportFigures) -> f64| middle(runs, take);
    let sum = |take: fn(&TransportFigures) -> u64| runs.iter().copied().map(take).sum();
    let rate = |at: usize| rate(&runs.iter().map(|run| &run.rates[at]).collect::<Vec<_>>());
    TransportFigures {
        transport: runs[0].transport,
        name: runs[0].name.clone(),
        publications: runs[0].publications,
        missed: sum(|run| run.missed),
        doubled: sum(|run| run.doubled),
        gaps: sum(|run| run.gaps),
        reopened: sum(|run| run.reopened),
        memory_bytes_per_client: median(runs.iter().filter_map(|run| run.memory_bytes_per_client)),
        opening_sent_bytes: middle(|run| run.opening_sent_bytes),
        opening_received_bytes: middle(|run| run.opening_received_bytes),
        rates: (0..runs[0].rates.len()).map(rate).collect(),
    }
}

fn rate(runs: &[&RateFigures]) -> RateFigures {
    let middle = |take: fn(&RateFigures) -> f64| middle(runs, take);
    RateFigures {
        per_minute: runs[0].per_minute,
        seconds: middle(|run| run.seconds),
        deliveries: runs.iter().map(|run| run.deliveries).sum(),
        requests_per_message: middle(|run| run.requests_per_message),
        sent_bytes_per_message: middle(|run| run.sent_bytes_per_message),
        received_bytes_per_message: middle(|run| run.received_bytes_per_message),
        requests_per_client_s: middle(|run| run.requests_per_client_s),
        sent_bytes_per_client_s: middle(|run| run.sent_bytes_per_client_s),
        received_bytes_per_client_s: middle(|run| run.received_bytes_per_client_s),
        cpu_us_per_message: median(runs.iter().filter_map(|run| run.cpu_us_per_message)),
        cpu_us_per_client_s: median(runs.iter().filter_map(|run| run.cpu_us_per_client_s)),
        latency: LatencySummary {
            samples: runs.iter().map(|run| run.latency.samples).sum(),
            p50_us: middle(|run| run.latency.p50_us),
            p99_us: middle(|run| run.latency.p99_us),
            p999_us: middle(|run| run.latency.p999_us),
            max_us: runs.iter().map(|run| run.latency.max_us).fold(0.0, f64::max),
        },
    }
}

fn middle<T>(runs: &[&T], take: fn(&T) -> f64) -> f64 {
    median(runs.iter().copied().map(take)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::super::transport::Transport;
    use super::super::figures::tests::figures;
    use super::*;

    #[test]
    fn costs_are_medians_and_faults_are_sums() {
        let run = |factor, missed| {
            let sse = TransportFigures { missed, ..figures(Transport::Sse, factor) };
            vec![figures(Transport::WebSocket, 1), sse]
        };
        let of_all = of_runs(&[run(1, 2), run(9, 0), run(3, 1)]);
        let [websocket, sse] = of_all.as_slice() else { panic!("two transports: {of_all:?}") };
        assert_eq!((websocket.missed, websocket.rates[1].requests_per_message), (0, 1.0));
        assert_eq!(sse.missed, 3);
        for rate in &sse.rates {
            assert_eq!(rate.requests_per_message, 3.0);
            assert_eq!(rate.cpu_us_per_message, Some(300.0));
            assert_eq!((rate.latency.samples, rate.deliveries), (30, 30));
            assert!((rate.latency.p50_us / 3000.0 - 1.0).abs() < 1e-3 && rate.latency.max_us >= 9000.0);
        }
    }

    #[test]
    fn one_run_is_itself_and_unknown_costs_stay_unknown() {
        let unknown = TransportFigures { memory_bytes_per_client: None, ..figures(Transport::LongPoll, 4) };
        let [same] = <[_; 1]>::try_from(of_runs(&[vec![unknown.clone()]])).expect("one transport");
        assert_eq!(format!("{same:?}"), format!("{unknown:?}"));
    }
}
