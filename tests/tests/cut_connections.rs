//! A thousand clients whose connections are cut at random for a minute while their server is restarted once: each channel is
//! without a gap and in order, or the gap is said.

use wavecast_tests::program;

#[test]
#[ignore = "takes more than a minute"]
fn a_minute_of_cuts_and_a_restart_lose_nothing_unsaid() {
    let report = program::measured(&["recovery", "--clients", "1000", "--seconds", "60"]);
    let run = &report["run"];
    println!("{run}");
    for count in ["publications", "deliveries", "resets", "half_open", "restarts", "recoveries", "gaps"] {
        assert!(run[count].as_u64().is_some_and(|count| count > 0), "{count}: {run}");
    }
    for fault in ["lost", "doubled", "out_of_order", "pretended", "foreign"] {
        assert_eq!(run[fault], 0, "{run}");
    }
}
