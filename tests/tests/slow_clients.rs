//! A thousand clients that never read, on each policy, beside a thousand that do: the policy is carried out on every one,
//! the others lose nothing, and memory stays within its limit.

use wavecast_tests::program;

#[test]
#[ignore = "takes two minutes"]
fn a_thousand_that_never_read_cost_no_more_than_the_limit_and_the_others_nothing() {
    // Exit code 0 says that nothing was lost, doubled or dropped without a word, and nobody spared.
    let report = program::measured(&["slow", "--readers", "1000", "--slow", "1000", "--pairs", "1"]);
    let limit = report["memory_limit_bytes"].as_f64().expect("a limit");
    let policies = report["policies"].as_array().expect("policies");
    assert_eq!(policies.len(), 5, "{report}");
    for policy in policies {
        let beside = &policy["pairs"][0]["beside"];
        let memory = beside["memory_bytes"].as_f64().expect("a program of ours says what it holds");
        println!("{}: {memory} of {limit} bytes", policy["policy"]);
        assert!(memory <= limit, "{memory} bytes of {limit}: {policy}");
        assert_eq!(
            (&beside["out_of_order"], &beside["slow"]["dealt_with"]),
            (&0.into(), &1000.into()),
            "{policy}"
        );
    }
}
