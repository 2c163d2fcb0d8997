//! A crate's source files as a graph of modules: which file names which.
//!
//! The files are parsed, not searched, so comments and strings never count; code under `#[cfg(test)]` is left out, since a
//! test may use threads and clocks. Names inside macro calls are read from their tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// A path as segments: `["crate", "frame", "encode"]`.
pub type Segments = Vec<String>;

/// All files of one crate, from its root file on.
#[derive(Debug, Default)]
pub struct CrateSources {
    /// Every file, keyed by the module it is: the root has the empty path.
    pub files: BTreeMap<Segments, SourceFile>,
}

/// One file of a crate.
#[derive(Debug, Default)]
pub struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Every path the code names, with the module it stands in (which may be an inline one), private `use` included.
    names: Vec<(Segments, Segments)>,
    /// Re-exports (`pub use`) by the module and the name they appear under. They make a map of a crate, not an arrow in it.
    reexports: BTreeMap<(Segments, String), Segments>,
    /// Modules declared here, inline ones included.
    modules: BTreeSet<Segments>,
}

impl CrateSources {
    /// Reads the crate whose root file this is, following its `mod` declarations.
    ///
    /// # Panics
    /// If a file is missing or does not parse: the crate would not compile either.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut sources = Self::default();
        sources.read_file(root, root.parent().expect("a file lies in a folder"), Vec::new());
        sources
    }

    fn read_file(&mut self, path: &Path, children: &Path, module: Segments) {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let tree = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut reader = Reader { here: module.clone(), outside: Vec::new(), file: SourceFile::default() };
        reader.file.path = path.to_owned();
        reader.visit_file(&tree);
        let depth = module.len();
        self.files.insert(module, reader.file);
        for child in reader.outside {
            let below = child[depth..].join("/");
            let beside = children.join(format!("{below}.rs"));
            let inside = children.join(&below).join("mod.rs");
            let file = if beside.exists() { beside } else { inside };
            self.read_file(&file, &children.join(&below), child);
        }
    }

    /// Every path that is named anywhere, spelled with `::`, and the file that names it.
    pub fn names(&self) -> impl Iterator<Item = (&Path, String)> {
        self.files.values().flat_map(|file| {
            let reexported = file.reexports.values();
            file.names
                .iter()
                .map(|(_, name)| name)
                .chain(reexported)
                .map(|name| (file.path.as_path(), name.join("::")))
        })
    }

    /// The groups of files that name each other in a loop, each as the arrows (`a -> b`) within it.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<String>> {
        let arrows = self.arrows();
        let reach: BTreeMap<_, _> = self.files.keys().map(|file| (file, reachable(file, &arrows))).collect();
        let mut circles = BTreeSet::new();
        for (file, reached) in &reach {
            if reached.contains(*file) {
                let ring: Vec<_> = reached.iter().filter(|other| reach[other].contains(*file)).collect();
                let inside = ring.iter().flat_map(|from| arrows[from].iter().map(move |to| (*from, to)));
                let arrows = inside.filter(|(_, to)| ring.contains(to));
                circles.insert(
                    arrows.map(|(from, to)| format!("{} -> {}", spell(from), spell(to))).collect::<Vec<_>>(),
                );
            }
        }
        circles.into_iter().collect()
    }

    fn arrows(&self) -> BTreeMap<&Segments, BTreeSet<Segments>> {
        let mut arrows: BTreeMap<&Segments, BTreeSet<Segments>> = BTreeMap::new();
        for (module, file) in &self.files {
            let targets = file.names.iter().filter_map(|(here, name)| self.file_of(here, name));
            arrows.insert(module, targets.filter(|target| target != module).collect());
        }
        arrows
    }

    /// The file in which a path ends that is written in module `here`; `None` for what is not this crate's.
    fn file_of(&self, here: &[String], name: &[String]) -> Option<Segments> {
        let absolute = self.absolute(here, name)?;
        self.descend(&absolute, 8)
    }

    fn absolute(&self, here: &[String], name: &[String]) -> Option<Segments> {
        let (mut base, mut rest) = (here.to_vec(), name);
        match name.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &name[1..]),
            "self" => rest = &name[1..],
            "super" => {
                while rest.first().is_some_and(|s| s == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                base.push(first.to_owned());
                self.is_module(&base).then_some(())?;
                base.pop();
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn is_module(&self, path: &[String]) -> bool {
        self.files.values().any(|file| file.modules.contains(path))
    }

    /// Walks down from the crate's root, through re-exports; `turns` bounds those that lead to one another.
    fn descend(&self, absolute: &[String], turns: usize) -> Option<Segments> {
        let mut module = Vec::new();
        for (depth, segment) in absolute.iter().enumerate() {
            module.push(segment.clone());
            if self.is_module(&module) {
                continue;
            }
            module.pop();
            let key = (module.clone(), segment.clone());
            if let Some(target) = self.files.values().find_map(|file| file.reexports.get(&key)) {
                turns.checked_sub(1)?;
                let mut whole = self.absolute(&module, target)?;
                whole.extend_from_slice(&absolute[depth + 1..]);
                return self.descend(&whole, turns - 1);
            }
            break;
        }
        while !self.files.contains_key(&module) {
            module.pop()?; // an inline module: its file is further up
        }
        Some(module)
    }
}

fn reachable(from: &Segments, arrows: &BTreeMap<&Segments, BTreeSet<Segments>>) -> BTreeSet<Segments> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(file) = open.pop() {
        for target in arrows.get(&file).into_iter().flatten() {
            if seen.insert(target.clone()) {
                open.push(target.clone());
            }
        }
    }
    seen
}

fn spell(module: &[String]) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

/// Reads one file's syntax tree.
struct Reader {
    here: Segments,
    /// Modules declared here whose text is in a file of its own.
    outside: Vec<Segments>,
    file: SourceFile,
}

impl Reader {
    fn add_use(&mut self, prefix: &mut Segments, tree: &syn::UseTree, reexport: bool) {
        let add = |reader: &mut Self, shown: String, target: Segments| {
            if reexport {
                reader.file.reexports.insert((reader.here.clone(), shown), target);
            } else {
                reader.file.names.push((reader.here.clone(), target));
            }
        };
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_use(prefix, &path.tree, reexport);
                prefix.pop();
            }
            syn::UseTree::Name(name) => {
                let mut target = prefix.clone();
                let ident = name.ident.to_string();
                let shown =
                    if ident == "self" { prefix.last().cloned().unwrap_or_default() } else { ident.clone() };
                if ident != "self" {
                    target.push(ident);
                }
                add(self, shown, target);
            }
            syn::UseTree::Rename(rename) => {
                let mut target = prefix.clone();
                target.push(rename.ident.to_string());
                add(self, rename.rename.to_string(), target);
            }
            syn::UseTree::Glob(_) => add(self, "*".to_owned(), prefix.clone()),
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.add_use(prefix, item, reexport);
                }
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !attributes(item).iter().any(is_test_only) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.here.push(module.ident.to_string());
        self.file.modules.insert(self.here.clone());
        match &module.content {
            Some((_, items)) => items.iter().for_each(|item| self.visit_item(item)),
            None if module.attrs.iter().any(leads_away) => {}
            None => self.outside.push(self.here.clone()),
        }
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let reexport = !matches!(item.vis, syn::Visibility::Inherited);
        self.add_use(&mut Vec::new(), &item.tree, reexport);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.file.names.push((self.here.clone(), segments));
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {} // `pub(crate)` says who may come, not where it goes

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {} // documentation and derives name nothing that runs

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        let text = call.tokens.to_string().replace(" :: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            if word.contains("::") {
                let segments = word.split("::").filter(|s| !s.is_empty()).map(ToOwned::to_owned).collect();
                self.file.names.push((self.here.clone(), segments));
            }
        }
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test_only(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg")
        && list.tokens.to_string().split([' ', '(', ')', ',']).any(|word| word == "test")
}

/// The module's text is somewhere else than modules are: an example that the program takes in, which has a house of its own.
fn leads_away(attribute: &syn::Attribute) -> bool {
    matches!(&attribute.meta, syn::Meta::NameValue(given) if given.path.is_ident("path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> (PathBuf, CrateSources) {
        let unique = format!("wavecast-sources-{}-{}", std::process::id(), files[0].1.len());
        let folder = std::env::temp_dir().join(unique);
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let sources = CrateSources::read(&folder.join("lib.rs"));
        (folder, sources)
    }

    #[test]
    fn a_loop_through_a_reexport_is_found() {
        let (folder, sources) = crate_of(&[
            ("lib.rs", "mod a; mod b; mod c; pub use b::B;"),
            ("a.rs", "use crate::B; pub(crate) struct A;"),
            ("b.rs", "pub struct B(crate::a::A);"),
            ("c.rs", "use crate::{a::A, B};"),
        ]);
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(sources.circles(), [["a -> b", "b -> a"]]);
    }

    #[test]
    fn a_parent_that_calls_a_child_which_calls_back_is_a_loop() {
        let (folder, sources) = crate_of(&[
            ("lib.rs", "mod room;  fn main() { room::enter() }"),
            ("room.rs", "mod door; pub fn enter() { door::open() } pub struct Key;"),
            ("room/door.rs", "use super::Key; pub fn open() { let _ = Key; }"),
        ]);
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(sources.circles(), [["room -> room::door", "room::door -> room"]]);
    }

    #[test]
    fn a_module_from_another_place_is_not_read() {
        let (folder, sources) = crate_of(&[
            ("lib.rs", "#[path = \"../far/away.rs\"] mod away; mod near;"),
            ("near.rs", "use crate::away::A;"),
        ]);
        fs::remove_dir_all(folder).unwrap();
        assert!(sources.circles().is_empty());
        assert_eq!(sources.files.len(), 2);
    }

    #[test]
    fn tests_and_comments_name_nothing_and_macros_do() {
        let (folder, sources) = crate_of(&[(
            "lib.rs",
            "//! tokio::spawn\nfn f() { println!(\"{}\", mio::Token(1)); }\n#[cfg(test)] mod tests { use std::net::TcpStream; }",
        )]);
        fs::remove_dir_all(folder).unwrap();
        let names: Vec<_> = sources.names().map(|(_, name)| name).collect();
        assert!(names.contains(&"mio::Token".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("tokio") || name.contains("net")), "{names:?}");
    }
}
