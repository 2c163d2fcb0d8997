//! Reads the suite's `index.json`: a table by section, and what failed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::tally::Tally;

const SECTIONS: [(u32, &str); 11] = [
    (1, "framing"),
    (2, "pings and pongs"),
    (3, "reserved bits"),
    (4, "opcodes"),
    (5, "fragmentation"),
    (6, "UTF-8"),
    (7, "closing"),
    (9, "limits"),
    (10, "the rest"),
    (12, "compression, sizes"),
    (13, "compression, parameters"),
];

/// The suite's verdict on one case, behaviour and closing taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// Allowed by the RFC, though not what the suite prefers.
    NonStrict,
    /// The RFC says nothing; the suite only reports.
    Informational,
    /// Everything else: FAILED, an unclean close, UNIMPLEMENTED, a wrong code.
    Failed,
}

impl Verdict {
    fn of(case: &Value) -> Self {
        let behaviour = case["behavior"].as_str().unwrap_or_default();
        let closing = case["behaviorClose"].as_str().unwrap_or_default();
        match (behaviour, closing) {
            (_, closing) if closing != "OK" && closing != "INFORMATIONAL" => Self::Failed,
            ("OK", _) => Self::Ok,
            ("NON-STRICT", _) => Self::NonStrict,
            ("INFORMATIONAL", _) => Self::Informational,
            _ => Self::Failed,
        }
    }
}

/// Prints the table and counts; `announced` is how many cases the suite said it would run.
pub(super) fn read(folders: &[PathBuf], agent: &str, announced: u32) -> Result<Tally, String> {
    let mut cases = serde_json::Map::new();
    for index in folders.iter().map(|folder| folder.join("index.json")) {
        let text = fs::read_to_string(&index).map_err(|e| format!("no report: {}: {e}", index.display()))?;
        let mut all: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", index.display()))?;
        let of_agent = all[agent].as_object_mut().map(std::mem::take);
        cases.extend(of_agent.ok_or_else(|| format!("the report knows nothing of {agent}"))?);
    }
    let mut table: BTreeMap<u32, Vec<Verdict>> = BTreeMap::new();
    let (mut failures, mut non_strict) = (Vec::new(), Vec::new());
    let mut ordered: Vec<_> = cases.iter().map(|(id, case)| (numbers(id), id, case)).collect();
    ordered.sort_by(|one, other| one.0.cmp(&other.0));
    for (numbers, id, case) in ordered {
        let verdict = Verdict::of(case);
        table.entry(numbers.first().copied().unwrap_or(0)).or_default().push(verdict);
        match verdict {
            Verdict::Failed => failures.push(format!(
                "  {id}: behaviour {}, closing {}, code {}",
                case["behavior"], case["behaviorClose"], case["remoteCloseCode"]
            )),
            Verdict::NonStrict => non_strict.push(id.as_str()),
            Verdict::Ok | Verdict::Informational => {}
        }
    }
    print_table(&table);
    if !non_strict.is_empty() {
        println!("non-strict: {}", non_strict.join(" "));
    }
    if !failures.is_empty() {
        println!("failed:\n{}", failures.join("\n"));
    }
    let (seen, mut failed) = (count(cases.len()), count(failures.len()));
    let passed = seen - failed;
    if announced == 0 || seen < announced {
        println!("incomplete: {seen} of {announced} cases have a result");
        failed += announced.saturating_sub(seen).max(1);
    }
    Ok(Tally { passed, failed })
}

fn print_table(table: &BTreeMap<u32, Vec<Verdict>>) {
    println!("{:<28}{:>6}{:>12}{:>15}{:>8}", "section", "OK", "non-strict", "informational", "failed");
    let row = |title: &str, verdicts: &[Verdict]| {
        let of = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
        let (ok, non_strict) = (of(Verdict::Ok), of(Verdict::NonStrict));
        println!(
            "{title:<28}{ok:>6}{non_strict:>12}{:>15}{:>8}",
            of(Verdict::Informational),
            of(Verdict::Failed)
        );
    };
    for (section, verdicts) in table {
        let title = SECTIONS.iter().find(|(number, _)| number == section).map_or("", |(_, title)| title);
        row(&format!("{section:>2} {title}"), verdicts);
    }
    row("in all", &table.values().flatten().copied().collect::<Vec<_>>());
}

fn numbers(id: &str) -> Vec<u32> {
    id.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unclean_close_is_a_failure() {
        let verdict =
            |behaviour, closing| Verdict::of(&json!({ "behavior": behaviour, "behaviorClose": closing }));
        assert_eq!(verdict("OK", "OK"), Verdict::Ok);
        assert_eq!(verdict("NON-STRICT", "INFORMATIONAL"), Verdict::NonStrict);
        assert_eq!(verdict("OK", "UNCLEAN"), Verdict::Failed);
        assert_eq!(verdict("OK", "WRONG CODE"), Verdict::Failed);
        assert_eq!(verdict("UNIMPLEMENTED", "OK"), Verdict::Failed);
    }
}
