//! Attacks, over real sockets, on the toolkit's server and its client: whoever attacks is told with the right code, everybody
//! else is served meanwhile, memory stays bounded, and nothing is left behind. `docs/attacks.md` lists them.
//!
//! - `raw`: a peer that sends bytes as it likes, with frame coding of its own
//! - `besieged`: a server under attack, its polite clients, and what it holds
//! - `lured`: our client in the hands of a hostile server
//! - the rest: the attacks, a file for each family

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod besieged;
mod bombs;
mod borders;
mod cancelled;
mod floods;
mod frames;
mod heads;
mod lured;
mod raw;
mod resets;
mod slowness;

/// The page of the documentation names tests of this folder, and each of them is there.
#[test]
fn every_test_that_the_documentation_names_is_there() {
    let page = include_str!("../../../../docs/attacks.md");
    let files = [
        ("bombs", include_str!("bombs.rs")),
        ("borders", include_str!("borders.rs")),
        ("cancelled", include_str!("cancelled.rs")),
        ("floods", include_str!("floods.rs")),
        ("frames", include_str!("frames.rs")),
        ("heads", include_str!("heads.rs")),
        ("resets", include_str!("resets.rs")),
        ("slowness", include_str!("slowness.rs")),
    ];
    let mut named = 0;
    for word in page.split('`').skip(1).step_by(2) {
        let Some((file, test)) = word.split_once("::") else { continue };
        let Some((_, text)) = files.iter().find(|(name, _)| *name == file) else { continue };
        let there = [format!("fn {test}("), format!("mod {test} ")].iter().any(|line| text.contains(line));
        assert!(there, "docs/attacks.md names {word}");
        named += 1;
    }
    assert!(named > 20, "only {named} tests are named");
}
