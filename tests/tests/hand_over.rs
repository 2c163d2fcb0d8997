//! Ten thousand clients whose server is told to end while another one takes its port: all come over at the pace of the window, and
//! each has had what was published before, or is told that something may be missing.

use wavecast_tests::program;

#[test]
#[ignore = "ten thousand clients: some 20 s of the whole machine"]
fn ten_thousand_come_over_at_the_pace_of_the_window() {
    // Exit code 0 says so: each of them back in time, none too fast, none cut short, each gap told.
    let report = program::measured(&["drain", "--clients", "10000", "--window", "10s"]);
    let run = &report["run"];
    println!("{run}");
    assert_eq!((&run["subscriptions"], &run["gaps"]), (&40_000.into(), &40_000.into()), "{run}");
    let figure = |name: &str| run[name].as_f64().expect("a number");
    assert!(figure("all_back_ms") <= 20_000.0, "{run}");
    assert!(figure("arrivals_per_3s_max") <= 3.0 * 2.0 * figure("paced_per_s"), "{run}");
    for fault in ["lost", "doubled", "out_of_order", "pretended", "foreign", "cut_short", "not_told_once"] {
        assert_eq!(run[fault], 0, "{run}");
    }
}
