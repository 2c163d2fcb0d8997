//! Open files: each connection takes one.

use wavecast_net::descriptors::{DescriptorLimit, raise_limit};

use super::finding::Finding;

/// Connections that a small server should take without ado.
const ADVISED: u64 = 10_000;
/// What the server opens beside connections, at most: listeners, pages, hooks.
const BESIDE: u64 = 1_500;

/// Looks at the limit as `serve` would have it: raised as far as it can be without an administrator.
pub(super) fn examine() -> Vec<Finding> {
    vec![judge(raise_limit())]
}

fn judge(limit: DescriptorLimit) -> Finding {
    const SUBJECT: &str = "open files";
    const REMEDY: &str = "raise the hard limit: LimitNOFILE=1048576 in the unit of systemd, --ulimit nofile=1048576 for \
                          Docker, or /etc/security/limits.conf";
    let Some(current) = limit.current else { return Finding::ok(SUBJECT, "no limit") };
    let text =
        format!("at most {current}, which is room for some {} connections", current.saturating_sub(BESIDE));
    if current < BESIDE {
        Finding::problem(SUBJECT, &format!("at most {current}: hardly anybody can connect"), REMEDY)
    } else if current < ADVISED + BESIDE {
        Finding::warning(SUBJECT, &text, REMEDY)
    } else {
        Finding::ok(SUBJECT, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn few_files_are_few_connections() {
        for (current, level) in [
            (None, Level::Ok),
            (Some(1_048_576), Level::Ok),
            (Some(11_500), Level::Ok),
            (Some(4_096), Level::Warning),
            (Some(1_024), Level::Problem),
        ] {
            assert_eq!(judge(DescriptorLimit { current, maximum: current }).level, level, "{current:?}");
        }
    }
}
