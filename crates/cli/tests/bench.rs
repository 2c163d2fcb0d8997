//! `wavecast bench` as a user runs it: real processes, small numbers.
#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// For benchmarks that begin with a history.
const WITHOUT_HISTORY: [&str; 6] = [
    "--set",
    "channel.without_namespace.history_size=0",
    "--set",
    "channel.without_namespace.history_ttl=0s",
    "--set",
    "channel.without_namespace.force_recovery=false",
];

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = bench(arguments).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn limit_delivers_everything_and_reports_it() {
    let (code, out, err) = run(&[
        "limit",
        "--subscribers",
        "20",
        "--publications",
        "60",
        "--messages",
        "1",
        "--messages",
        "4",
        "--json",
    ]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    for (run, messages) in report["runs"].as_array().unwrap().iter().zip([1, 4]) {
        assert_eq!(run["messages_per_send"], messages);
        assert_eq!(run["deliveries"], 20 * 60);
        assert_eq!(run["out_of_order"], 0);
        assert_eq!(run["latency"]["samples"], 20 * 60);
        assert!(run["cpu_us_per_delivery"].as_f64().unwrap() > 0.0, "{run}");
        assert!((run["deliveries_per_read"].as_f64().unwrap() - f64::from(messages)).abs() < 0.01, "{run}");
    }
}

#[test]
fn limit_on_several_threads_delivers_as_much() {
    let shape = ["limit", "--subscribers", "20", "--publications", "60", "--messages", "1", "--json"];
    for threads in ["3", "20", "64"] {
        let (code, out, err) = run(&[&shape[..], &["--threads", threads]].concat());
        assert_eq!(code, Some(0), "{threads}: {err}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let run = &report["runs"][0];
        assert_eq!((&run["deliveries"], &run["out_of_order"]), (&1200.into(), &0.into()), "{threads}: {run}");
    }
}

#[test]
fn limit_prints_a_column_for_each_batch() {
    let (code, out, err) = run(&["limit", "--subscribers", "5", "--publications", "16"]);
    assert_eq!(code, Some(0), "{err}");
    for part in ["5 sockets", "1 a send", "4 a send", "16 a send", "CPU per delivery, µs"] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
}

#[test]
fn fanout_reaches_every_subscriber_of_our_own_server() {
    let shape = ["fanout", "--subscribers", "20", "--publications", "50", "--json"];
    for more in [
        &["--outstanding", "4"][..],
        &["--api", "/api"],
        &["--limit", "--runs", "2"],
        &["--limit", "--raw-threads", "2", "--runs", "1"],
    ] {
        let (code, out, err) = run(&[&shape[..], more].concat());
        assert_eq!(code, Some(0), "{more:?}: {err}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        for run in report["runs"].as_array().unwrap() {
            assert_eq!(
                (&run["deliveries"], &run["out_of_order"]),
                (&1000.into(), &0.into()),
                "{more:?}: {run}"
            );
        }
        assert_eq!(report["median"]["ratio"].is_number(), more[0] == "--limit", "{more:?}");
    }
}

#[test]
fn compressed_deliveries_are_measured_pair_by_pair_with_plain_ones() {
    let shape = ["fanout", "--subscribers", "5", "--publications", "20", "--runs", "2", "--compressed"];
    let (code, out, err) = run(&[&shape[..], &["--json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let runs = report["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        for delivery in [run, &run["compressed"]] {
            assert_eq!(
                (&delivery["deliveries"], &delivery["out_of_order"]),
                (&100.into(), &0.into()),
                "{run}"
            );
        }
        let wire_bytes = |delivery: &serde_json::Value| delivery["wire_bytes_per_delivery"].as_f64().unwrap();
        assert!(wire_bytes(&run["compressed"]) < wire_bytes(run), "{run}");
        assert!(run["compressed_ratio"].as_f64().unwrap() > 0.0, "{run}");
    }
    assert!(report["median"]["compressed_ratio"].as_f64().unwrap() > 0.0, "{report}");
    let (code, _, err) = run(&[&shape[..], &["--limit"]].concat());
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn quiet_channel_is_observed_beside_a_busy_one() {
    let (code, out, err) =
        run(&["fanout", "--subscribers", "10", "--quiet", "--quiet-publications", "5", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["runs"][0]["quiet_latency"]["samples"], 5);
}

#[test]
fn connect_and_echo_measure_our_own_servers() {
    let (code, out, err) = run(&["connect", "--connections", "20", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(report["median"]["raw_sends_per_connection"].as_f64().unwrap() > 0.0, "{report}");
    let (code, out, err) =
        run(&["echo", "--connections", "10", "--messages", "30", "--outstanding", "3", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let run = &report["cells"][0]["contenders"][0]["runs"][0];
    assert_eq!((&run["echoes"], &run["out_of_order"]), (&300.into(), &0.into()));
}

#[test]
fn an_echo_is_measured_by_turns_beside_the_kernel_alone_and_another_program() {
    let rival = format!("another={} bench raw-echo", env!("CARGO_BIN_EXE_wavecast"));
    let shape = ["echo", "--connections", "4", "--messages", "20", "--runs", "2", "--limit"];
    let (code, out, err) = run(&[&shape[..], &["--beside", &rival, "--json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let contenders = report["cells"][0]["contenders"].as_array().unwrap();
    let names: Vec<_> = contenders.iter().map(|contender| contender["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["server", "raw loop", "another"]);
    for contender in contenders {
        let runs = contender["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2, "{contender}");
        for run in runs {
            assert_eq!((&run["echoes"], &run["out_of_order"]), (&80.into(), &0.into()), "{contender}");
        }
        assert!(contender["median"]["server_to_this"].as_f64().unwrap() > 0.0, "{contender}");
    }
    let (code, out, err) = run(&[&shape[..], &["--beside", &rival]].concat());
    assert_eq!(code, Some(0), "{err}");
    for part in ["raw loop", "another", "server ÷ this"] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
}

#[test]
fn everybody_who_comes_back_gets_exactly_what_was_missed() {
    let (code, out, err) = run(&["reconnect", "--clients", "20", "--publications", "7", "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["runs"][0]["recovered"], 20, "{report}");
    assert!(report["median"]["raw_sends_per_client"].as_f64().unwrap() > 0.0, "{report}");
    let (code, _, err) = run(&[&["reconnect", "--clients", "2"][..], &WITHOUT_HISTORY].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("no recovery"), "{err}");
}

#[test]
fn a_client_that_is_told_less_than_it_missed_is_a_fault() {
    let trimmed = ["--set", "channel.without_namespace.history_size=5", "--no-limit"];
    let (code, out, err) = run(&[&["reconnect", "--clients", "3"][..], &trimmed].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(
        out.contains("clients that got exactly what they missed") && err.contains("3 clients"),
        "{out}{err}"
    );
}

#[test]
fn each_policy_is_carried_out_on_slow_clients_and_costs_the_others_nothing() {
    let shape = ["slow", "--readers", "5", "--slow", "5", "--queue", "8192", "--pairs", "1", "--json"];
    let (code, out, err) = run(&shape);
    assert_eq!(code, Some(0), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let policies = report["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 5);
    for policy in policies {
        let beside = &policy["pairs"][0]["beside"];
        assert_eq!(
            (&beside["out_of_order"], &beside["slow"]["dealt_with"]),
            (&0.into(), &5.into()),
            "{policy}"
        );
        assert!(policy["median"]["p99_ratio"].as_f64().unwrap() > 0.0, "{policy}");
        let says = ["drop_oldest", "drop_newest"].iter().any(|name| policy["policy"] == *name);
        let unaccounted = if says { 0.into() } else { serde_json::Value::Null };
        assert_eq!(beside["slow"]["unaccounted"], unaccounted, "{policy}");
    }
}

#[test]
fn nothing_is_lost_unsaid_when_connections_are_cut_and_the_server_is_restarted() {
    let shape =
        ["recovery", "--clients", "10", "--channels", "6", "--seconds", "4", "--cuts-per-second", "6"];
    let (code, out, err) = run(&[&shape[..], &["--json"]].concat());
    assert_eq!(code, Some(0), "{out}{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let run = &report["run"];
    assert_eq!((&run["subscriptions"], &run["restarts"]), (&40.into(), &1.into()), "{run}");
    for count in ["publications", "deliveries", "resets", "recoveries", "gaps"] {
        assert!(run[count].as_u64().unwrap() > 0, "{count}: {run}");
    }
    for fault in ["lost", "doubled", "out_of_order", "pretended", "foreign"] {
        assert_eq!(run[fault], 0, "{run}");
    }
}

#[test]
fn recovery_without_history_or_restart_says_so() {
    let shape = ["recovery", "--clients", "3", "--channels", "2", "--seconds", "1", "--no-restart"];
    let (code, out, err) = run(&shape);
    assert_eq!(code, Some(0), "{out}{err}");
    for part in ["3 clients with 2 of 2 channels each", "restarts of the server", "lost, must be 0"] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
    let (code, _, err) = run(&[&shape[..], &WITHOUT_HISTORY].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("needs a history and recovery"), "{err}");
}

/// The figures of a run of one demo.
fn demo(arguments: &[&str]) -> serde_json::Value {
    let (code, out, err) = run(&[&["demo"][..], arguments, &["--json"]].concat());
    assert_eq!(code, Some(0), "{out}{err}");
    let mut report: serde_json::Value = serde_json::from_str(&out).expect("the report is JSON");
    let figures = report["demos"][0].take();
    for count in ["lost", "doubled", "refused"] {
        assert_eq!(figures[count], 0, "{count}: {figures}");
    }
    for figure in ["server_cpu_percent", "idle_cpu_percent", "cpu_us_per_delivery", "bytes_per_s"] {
        assert!(number(&figures[figure]) > 0.0, "{figure}: {figures}");
    }
    for delay in figures["delays"].as_array().expect("there are delays") {
        let [samples, p50, max] = ["samples", "p50_us", "max_us"].map(|name| number(&delay[name]));
        assert!(samples > 0.0 && 0.0 < p50 && p50 <= max, "{delay}");
    }
    figures
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn every_chatter_of_a_room_gets_what_is_said_there() {
    let figures = demo(&["chat", "--chatters", "20", "--rooms", "2", "--pause", "2", "--seconds", "3"]);
    let parts = &figures["parts_per_s"];
    let part = |name: &str| number(&parts[name]);
    // Ten a second of 20 chatters; each of them, the sender too, is in a room of ten.
    assert!((5.0..15.0).contains(&part("messages")), "{parts}");
    assert!((part("message deliveries") / part("messages") / 10.0 - 1.0).abs() < 0.3, "{parts}");
    // Who types is not told of it.
    assert!((part("typing signal deliveries") / part("typing signals") / 9.0 - 1.0).abs() < 0.3, "{parts}");
    // Marks wait for each other, two seconds at most.
    assert!((2.0..12.0).contains(&part("read marks")), "{parts}");
    // The others of the room: nine of ten deliveries.
    let heard = number(&figures["delays"][0]["samples"]) / number(&figures["seconds"]);
    assert!((heard / part("message deliveries") / 0.9 - 1.0).abs() < 0.1, "{figures}");
}

#[test]
fn every_viewer_of_the_board_gets_all_sectors_or_newer_prices() {
    let figures = demo(&["monitoring", "--viewers", "20", "--seconds", "2"]);
    assert_eq!(figures["connections"], 20);
    let (published, delivered) =
        (number(&figures["publications_per_s"]), number(&figures["deliveries_per_s"]));
    let skipped = number(&figures["skipped"]) / number(&figures["seconds"]);
    // Eight sectors fifty times a second, as far as the machine lets the market come to its turns.
    assert!((50.0..450.0).contains(&published), "{figures}");
    assert!(((delivered + skipped) / published / 20.0 - 1.0).abs() < 0.15, "{figures}");
}

#[test]
fn players_see_what_they_did_and_watchers_see_it_too() {
    // So long that a machine that stalls for two of the seconds does not matter.
    let figures = demo(&["game", "--players", "3", "--watchers", "5", "--seconds", "6"]);
    assert_eq!(figures["connections"], 8);
    let inputs = number(&figures["parts_per_s"]["inputs"]);
    assert!((inputs - 30.0).abs() < 15.0, "{figures}");
    let seconds = number(&figures["seconds"]);
    let samples = |way: usize| number(&figures["delays"][way]["samples"]) / seconds;
    // Each input has a state that follows it, unless the next one was quicker; watchers see five of eight deliveries.
    assert!((10.0..=inputs + 5.0).contains(&samples(0)), "{figures}");
    let delivered = number(&figures["deliveries_per_s"]);
    assert!((samples(1) / delivered * 8.0 / 5.0 - 1.0).abs() < 0.2, "{figures}");
}

#[test]
fn notifications_come_to_one_user_and_to_all() {
    let figures =
        demo(&["notifications", "--users", "20", "--to-one", "50", "--to-all", "5", "--seconds", "2"]);
    let seconds = number(&figures["seconds"]);
    let [to_one, to_all] = [0, 1].map(|way| number(&figures["delays"][way]["samples"]) / seconds);
    assert!((25.0..75.0).contains(&to_one) && (50.0..150.0).contains(&to_all), "{figures}");
    assert!((number(&figures["deliveries_per_s"]) - to_one - to_all).abs() < 1.0, "{figures}");
}

#[test]
fn a_demo_whose_visitors_are_refused_is_at_fault() {
    let limited = ["--set", "client.publish_rate_limit=1", "--seconds", "2"];
    let (code, out, err) =
        run(&[&["demo", "chat", "--chatters", "4", "--rooms", "1", "--pause", "2"][..], &limited].concat());
    assert_eq!(code, Some(1), "{out}{err}");
    for part in ["Demo applications: 2 s", "lost, must be 0", "read marks", "client.publish_rate_limit"] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
    assert!(err.contains("commands refused"), "{err}");
}

#[test]
fn exit_codes_tell_options_limits_and_failures_apart() {
    let (code, _, err) = run(&["limit", "--payload", "3"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = run(&["slow", "--policy", "ignore"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = run(&["demo", "tetris"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("chat, monitoring, game, notifications"), "{err}");
    let (code, _, err) = run(&["demo", "game", "--players", "51"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = run(&["fanout", "--raw-threads", "2"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = run(&["fanout", "--url", "wss://127.0.0.1:1"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = run(&["fanout", "--url", "ws://127.0.0.1:1", "--subscribers", "2"]);
    assert_eq!(code, Some(1), "{err}");
    let (code, _, err) = run(&["fanout", "--start", "/nonexistent/server", "--subscribers", "2"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("No such file"), "{err}");
}

#[test]
fn too_few_descriptors_are_reported_before_anything_starts() {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let Some(hard) = line.split_ascii_whitespace().rev().nth(1).and_then(|hard| hard.parse::<u64>().ok())
    else {
        return;
    };
    if hard >= 900_000 {
        return;
    }
    let (code, _, err) = run(&["limit", "--subscribers", "900000"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("needed 900100") && err.contains(&format!("have {hard}")), "{err}");
}

#[test]
fn a_server_that_dies_is_named_with_its_last_words() {
    let (code, _, err) = run(&["fanout", "--start", "cat /nonexistent/configuration", "--subscribers", "2"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the server died") && err.contains("/nonexistent/configuration"), "{err}");
}

#[test]
fn killing_the_orchestrator_leaves_no_process_behind() {
    let mut orchestrator = bench(&["limit", "--subscribers", "50", "--publications", "10000000"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let workers = wait_for(|| Some(children(orchestrator.id())).filter(|children| children.len() == 2));
    orchestrator.kill().unwrap();
    orchestrator.wait().unwrap();
    wait_for(|| workers.iter().all(|&worker| !is_running(worker)).then_some(()));
}

fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "waited too long");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Field 3 (state) and 4 (parent) of proc_pid_stat(5).
fn state_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn is_running(pid: u32) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state != "Z")
}

fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("Linux has /proc").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| state_and_parent(pid).is_some_and(|(_, of)| of == parent)).collect()
}

#[test]
fn a_server_that_is_told_to_end_hands_its_clients_over_at_its_pace() {
    let shape = ["drain", "--clients", "60", "--channels", "8", "--window", "2s", "--json"];
    let (code, out, err) = run(&shape);
    assert_eq!(code, Some(0), "{out}{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let run = &report["run"];
    assert_eq!((&run["subscriptions"], &run["gaps"]), (&240.into(), &240.into()), "{run}");
    let ms = |name: &str| run[name].as_u64().unwrap();
    let (first, last) = (ms("first_closed_ms"), ms("last_closed_ms"));
    assert!(first < last / 2 && (1500..12_000).contains(&last), "{run}");
}

#[test]
fn a_server_that_closes_all_at_once_is_found_out() {
    let shape =
        ["drain", "--clients", "200", "--channels", "8", "--window", "20s", "--set", "shutdown.drain=0s"];
    let (code, out, err) = run(&shape);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("arrivals in the fullest 3 s") && err.contains("came in 3 s"), "{out}{err}");
}

#[test]
fn every_way_to_a_client_brings_the_same_and_says_what_it_cost() {
    let picture = env::temp_dir().join(format!("wavecast-transports-{}.svg", std::process::id()));
    let picture_name = picture.to_str().unwrap();
    let shape = ["transports", "--clients", "5", "--per-minute", "600", "--poll-ms", "200"];
    let (code, out, err) = run(&[&shape[..], &["--seconds", "3", "--json", "--svg", picture_name]].concat());
    assert_eq!(code, Some(0), "{out}{err}");
    let drawn = fs::read_to_string(&picture).unwrap();
    let _ = fs::remove_file(&picture);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let transports = report["transports"].as_array().unwrap();
    let names: Vec<_> = transports.iter().map(|one| one["transport"].as_str().unwrap()).collect();
    assert_eq!(names, ["WebSocket", "SSE", "HTTP stream", "long-poll", "poll 200 ms"]);
    for one in transports {
        // Two before anything is counted, so that who polls is in its stride.
        assert_eq!((&one["publications"], &one["missed"]), (&32.into(), &0.into()), "{one}");
        let figure = |name: &str| one["rates"][0][name].as_f64().unwrap();
        assert!(figure("deliveries") >= 5.0, "{one}");
        assert!(figure("received_bytes_per_message") > 256.0, "a publication is in it: {one}");
        assert!(figure("cpu_us_per_message") > 0.0, "{one}");
        assert!(drawn.contains(&format!(">{}</text>", one["transport"].as_str().unwrap())));
        let requests = figure("requests_per_message");
        match one["transport"].as_str().unwrap() {
            // Publications that were held up come with one answer.
            "long-poll" => assert!(0.0 < requests && requests <= 2.0, "{one}"),
            "poll 200 ms" => assert!(0.0 < requests && requests <= 1.5, "{one}"),
            _ => assert!(requests == 0.0, "nobody asks: {one}"),
        }
    }
    let (code, out, err) =
        run(&[&shape[..], &["--seconds", "1", "websocket", "long-poll", "--runs", "2"]].concat());
    assert_eq!(code, Some(0), "{err}");
    for part in [
        "median of 2 runs",
        "WebSocket  long-poll",
        "Updates: 10 a second",
        "missed, must be 0",
        "delay p99, ms",
    ] {
        assert!(out.contains(part), "{part} is missing:\n{out}");
    }
    let (code, _, err) = run(&["transports", "--per-minute", "0"]);
    assert_eq!(code, Some(2), "{err}");
}
