//! The floors of the house, proved: what a crate may depend on, what its sources may name, and that files inside a crate do
//! not go round in circles. ARCHITECTURE.md says why; this says that it is so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use wavecast_tests::sources::CrateSources;

/// An arrow may only point to a lower floor.
const FLOORS: [(&str, u8); 8] = [
    ("wavecast-cli", 5),
    ("wavecast", 5),
    ("wavecast-server", 4),
    ("wavecast-client", 4),
    ("wavecast-protocol", 3),
    ("wavecast-net", 2),
    ("wavecast-hub", 1),
    ("wavecast-websocket", 1),
];

/// What a crate may not know although it is on a lower floor.
const UNKNOWN_TO: [(&str, &[&str]); 2] =
    [("wavecast-net", &["wavecast-hub"]), ("wavecast-protocol", &["wavecast-net", "wavecast-hub"])];

/// Crates without I/O: no runtime, no socket, no clock, no thread.
const PURE: [&str; 3] = ["wavecast-websocket", "wavecast-hub", "wavecast-protocol"];

/// Crates that open sockets, poll or run tasks; none may stand behind a pure crate.
const RUNTIMES: [&str; 17] = [
    "tokio",
    "tokio-util",
    "mio",
    "hyper",
    "hyper-util",
    "h2",
    "reqwest",
    "socket2",
    "polling",
    "async-io",
    "async-std",
    "smol",
    "io-uring",
    "nix",
    "rustix",
    "signal-hook",
    "rayon",
];

/// Crates that draw random numbers from the machine.
const RANDOMNESS: [&str; 5] = ["rand", "rand_core", "getrandom", "fastrand", "ahash"];

/// Paths that a pure crate's sources may not begin with.
const IMPURE_PREFIXES: [&str; 8] =
    ["std::net", "std::os", "std::fs", "std::process", "tokio", "mio", "hyper", "socket2"];

/// Paths that a pure crate's sources may not end with, however they were imported.
const IMPURE_SUFFIXES: [&str; 5] =
    ["thread::spawn", "thread::sleep", "thread::Builder", "Instant::now", "SystemTime::now"];

/// File names that say nothing about what is in the room.
const NAMELESS: [&str; 8] = ["utils", "util", "common", "helpers", "helper", "types", "misc", "shared"];

#[test]
fn pure_crates_have_no_runtime_behind_them() {
    let metadata = metadata();
    for name in PURE {
        let behind = behind(&metadata, name);
        let impure: Vec<_> = RUNTIMES.iter().filter(|runtime| behind.contains(**runtime)).collect();
        assert!(impure.is_empty(), "{name} must stay without I/O, and depends on {impure:?}");
    }
    let behind = behind(&metadata, "wavecast-websocket");
    let random: Vec<_> = RANDOMNESS.iter().filter(|source| behind.contains(**source)).collect();
    assert!(
        random.is_empty(),
        "wavecast-websocket takes randomness as an argument, and depends on {random:?}"
    );
}

#[test]
fn pure_crates_name_no_socket_thread_or_clock() {
    let metadata = metadata();
    let mut found = Vec::new();
    for name in PURE {
        let also: &[&str] =
            if name == "wavecast-websocket" { &["RandomState", "HashMap", "HashSet"] } else { &[] };
        for (file, path) in sources(package(&metadata, name)).names() {
            let begins = IMPURE_PREFIXES.iter().any(|p| path == *p || path.starts_with(&format!("{p}::")));
            let ends =
                IMPURE_SUFFIXES.iter().chain(also).any(|s| path == *s || path.ends_with(&format!("::{s}")));
            if begins || ends {
                found.push(format!("{}: {path}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "sources of the pure crates name what they may not:\n{}", found.join("\n"));
}

#[test]
fn arrows_between_crates_point_down() {
    let metadata = metadata();
    let floors = BTreeMap::from(FLOORS);
    let unknown = BTreeMap::from(UNKNOWN_TO);
    let mut wrong = Vec::new();
    for (name, floor) in &floors {
        for target in
            package(&metadata, name).dependencies.iter().filter(|d| d.kind == DependencyKind::Normal)
        {
            let Some(below) = floors.get(target.name.as_str()) else { continue };
            let hidden = unknown.get(name).is_some_and(|list| list.contains(&target.name.as_str()));
            if below >= floor || hidden {
                wrong.push(format!("{name} (floor {floor}) -> {} (floor {below})", target.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that may not be:\n{}", wrong.join("\n"));
}

#[test]
fn every_crate_of_the_house_has_a_floor() {
    let metadata = metadata();
    let floors = BTreeMap::from(FLOORS);
    for member in metadata.workspace_packages() {
        let housed = member.manifest_path.components().any(|part| part.as_str() == "crates");
        assert!(
            !housed || floors.contains_key(member.name.as_str()),
            "{} has no floor in this test",
            member.name
        );
    }
}

#[test]
fn the_facade_never_pulls_in_a_command_line() {
    let behind = behind(&metadata(), "wavecast");
    for program in ["clap", "clap_builder", "indicatif", "console", "hdrhistogram"] {
        assert!(!behind.contains(program), "a developer who adds `wavecast` would build {program}");
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for member in metadata().workspace_packages() {
        let manifest = fs::read_to_string(&member.manifest_path).expect("a manifest can be read");
        let lints = manifest.split("\n[lints]\n").nth(1).and_then(|rest| rest.lines().next());
        assert_eq!(
            lints,
            Some("workspace = true"),
            "{}: [lints] workspace = true is missing",
            member.manifest_path
        );
    }
}

#[test]
fn files_do_not_go_round_in_circles() {
    let mut found = Vec::new();
    for member in metadata().workspace_packages() {
        for circle in sources(member).circles() {
            found.push(format!("{}: {}", member.name, circle.join(", ")));
        }
    }
    assert!(
        found.is_empty(),
        "files that name each other in a loop are one room, or a third is missing:\n{}",
        found.join("\n")
    );
}

#[test]
fn files_are_named_after_what_they_hold() {
    for member in metadata().workspace_packages() {
        for file in sources(member).files.values() {
            let stem = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let folder = file
                .path
                .parent()
                .and_then(Path::file_name)
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let named = if stem == "mod" { folder } else { stem };
            assert!(!NAMELESS.contains(&named), "{}: the name says nothing", file.path.display());
        }
    }
}

/// The map of a folder is the comment of its own file (`lib.rs`, `mod.rs`), and the whole house's is ARCHITECTURE.md: a room
/// that stands on neither is one that nobody finds.
#[test]
fn every_room_is_on_a_map() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let on_the_map = words(&fs::read_to_string(house.join("ARCHITECTURE.md")).expect("the map can be read"));
    let mut found = Vec::new();
    for name in FLOORS.map(|(name, _)| name) {
        let sources = sources(package(&metadata(), name));
        for file in sources.files.values() {
            let Some((folder, room)) = place(&file.path) else { continue };
            let maps = ["lib.rs", "main.rs", "mod.rs"].map(|map| folder.join(map));
            let comments: String = (maps.into_iter().chain([folder.with_extension("rs")]))
                .filter_map(|map| fs::read_to_string(map).ok())
                .flat_map(|text| {
                    text.lines().filter(|line| line.starts_with("//!")).map(str::to_owned).collect::<Vec<_>>()
                })
                .map(|line| line + "\n")
                .collect();
            if !on_the_map.contains(room.as_str()) && !words(&comments).contains(&room) {
                found.push(file.path.display().to_string());
            }
        }
    }
    assert!(found.is_empty(), "rooms that stand on no map:\n{}", found.join("\n"));
}

/// The folder that a file is a room of, and the room's name; none for a folder's own file, and for tests.
fn place(path: &Path) -> Option<(PathBuf, String)> {
    let is_test = path.iter().any(|part| part == "tests" || part == "simulation");
    let (stem, folder) = (path.file_stem()?.to_str()?, path.parent()?);
    let (room, folder) = match stem {
        "lib" | "main" => return None,
        "mod" => (folder.file_name()?.to_str()?, folder.parent()?),
        other => (other, folder),
    };
    (!is_test && !["tests", "simulation"].contains(&room)).then(|| (folder.to_owned(), room.to_owned()))
}

/// What stands between backticks in a text, word by word.
fn words(text: &str) -> BTreeSet<String> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted
        .flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .map(str::to_owned)
        .collect()
}

/// The whole graph with every feature of the house on.
fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut command = MetadataCommand::new();
    command
        .manifest_path(manifest)
        .features(CargoOpt::AllFeatures)
        .other_options(["--filter-platform".to_owned(), host()]);
    command.exec().expect("cargo metadata describes the workspace")
}

/// The platform of this build: what only other platforms need is neither looked at nor downloaded.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc is there, it built this test");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc -vV names its host").to_owned()
}

fn package<'m>(metadata: &'m Metadata, name: &str) -> &'m Package {
    let packages = metadata.workspace_packages();
    packages
        .into_iter()
        .find(|package| package.name == name)
        .unwrap_or_else(|| panic!("no crate {name} in the workspace"))
}

/// Names of all packages that are built into `name`: normal dependencies and theirs, its own name left out.
fn behind(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = &package(metadata, name).id;
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            let normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

fn sources(package: &Package) -> CrateSources {
    let root = package.targets.iter().find(|target| {
        target
            .kind
            .iter()
            .any(|kind| matches!(kind, TargetKind::Lib | TargetKind::Bin | TargetKind::ProcMacro))
    });
    CrateSources::read(root.expect("a crate has a library or a program").src_path.as_std_path())
}
