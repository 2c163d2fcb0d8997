//! Settings of the Linux kernel that decide how many can connect at once, and how fast.

use std::fs;
use std::path::Path;

use super::finding::Finding;

/// Connections that wait to be accepted: what each shard asks for.
const BACKLOG: u64 = 4_096;
/// Handshakes of TCP under way, below which a wave of reconnects is cut off.
const SYN_BACKLOG: u64 = 1_024;
/// Ports for connections of a proxy on this machine to the server.
const PORTS: u64 = 20_000;
/// Tracked connections, below which a firewall that tracks them is the limit.
const TRACKED: u64 = 65_536;

/// Looks at `/proc/sys`; says so where there is none.
pub(super) fn examine() -> Vec<Finding> {
    examine_below(Path::new("/proc/sys/net"))
}

fn examine_below(root: &Path) -> Vec<Finding> {
    if !root.exists() {
        return vec![Finding::ok("kernel", "not looked at: this is not Linux, or /proc is not mounted")];
    }
    let read = |name: &str| fs::read_to_string(root.join(name)).ok();
    let number = |name: &str| read(name).and_then(|text| text.trim().parse::<u64>().ok());
    let mut findings = Vec::new();
    findings.extend(
        number("core/somaxconn").map(|value| {
            at_least("net.core.somaxconn", value, BACKLOG, "connections may wait to be accepted")
        }),
    );
    findings.extend(number("ipv4/tcp_max_syn_backlog").map(|value| {
        at_least("net.ipv4.tcp_max_syn_backlog", value, SYN_BACKLOG, "TCP handshakes may be under way")
    }));
    findings.extend(read("ipv4/ip_local_port_range").and_then(|text| ports(&text)));
    if let Some(max) = number("netfilter/nf_conntrack_max") {
        findings.push(tracking(max, number("netfilter/nf_conntrack_count").unwrap_or(0)));
    }
    findings
}

fn at_least(key: &str, value: u64, advised: u64, what: &str) -> Finding {
    if value >= advised {
        return Finding::ok(key, &format!("{value} {what}"));
    }
    let text = format!("only {value} {what}: when many come back at once, some wait for a second or more");
    Finding::warning(key, &text, &format!("sysctl -w {key}={advised}"))
}

fn ports(text: &str) -> Option<Finding> {
    const KEY: &str = "net.ipv4.ip_local_port_range";
    let mut ends = text.split_whitespace().map(str::parse::<u64>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    let count = (high + 1).saturating_sub(low);
    if count >= PORTS {
        return Some(Finding::ok(KEY, &format!("{count} ports for connections from this machine")));
    }
    let text =
        format!("only {count} ports: a proxy on this machine can open no more connections to one address");
    Some(Finding::warning(KEY, &text, &format!("sysctl -w {KEY}=\"1024 65535\", or a Unix socket")))
}

fn tracking(max: u64, count: u64) -> Finding {
    const KEY: &str = "net.netfilter.nf_conntrack_max";
    let remedy = format!("sysctl -w {KEY}=1048576, or do not track the server's port (NOTRACK)");
    let text = format!("{count} of {max} connections are tracked by the firewall");
    // Nine tenths: the kernel then begins to drop new connections without a word to either side.
    if count >= max / 10 * 9 {
        Finding::problem(KEY, &format!("{text}: new ones will be dropped"), &remedy)
    } else if max < TRACKED {
        Finding::warning(KEY, &format!("{text}: beyond that new ones are dropped"), &remedy)
    } else {
        Finding::ok(KEY, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn what_is_low_is_warned_about() {
        for (finding, level) in [
            (at_least("k", 4096, 4096, "w"), Level::Ok),
            (at_least("k", 128, 4096, "w"), Level::Warning),
            (ports("32768\t60999\n").unwrap(), Level::Ok),
            (ports("1024 65535").unwrap(), Level::Ok),
            (ports("50000 60000").unwrap(), Level::Warning),
            (ports("60000 50000").unwrap(), Level::Warning),
            (tracking(262_144, 10), Level::Ok),
            (tracking(262_144, 250_000), Level::Problem),
            (tracking(10_000, 10), Level::Warning),
            (tracking(0, 0), Level::Problem),
        ] {
            assert_eq!(finding.level, level, "{finding}");
        }
        assert_eq!(ports("7"), None);
        assert_eq!(ports("a b"), None);
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_left_out() {
        let root = std::env::temp_dir().join(format!("wavecast-doctor-{}", std::process::id()));
        fs::create_dir_all(root.join("core")).unwrap();
        fs::write(root.join("core/somaxconn"), "128\n").unwrap();
        let findings = examine_below(&root);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(findings.len(), 1);
        assert!(findings[0].remedy.contains("net.core.somaxconn=4096"), "{:?}", findings[0]);
        assert_eq!(examine_below(&root)[0].level, Level::Ok, "no /proc at all");
    }
}
