//! The pages that the server shows to people, embedded in the program.
//!
//! The full page at `/` comes from `web/`, and so do the demo applications below `/demo/`; where they could not be built,
//! the plain page stands at `/`, and there are no demos. The plain page, which needs no library and no build step, is always
//! at `/plain/`. `build.rs` makes the table.

/// One embedded file with what an HTTP answer says about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// The value of `Content-Type`.
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static [u8],
    /// The same compressed (RFC 1952), where that is worth it.
    pub(crate) gzip: Option<&'static [u8]>,
    /// The address holds a hash of the content, so a browser may keep it for ever.
    pub(crate) immutable: bool,
    /// What tells this content from another, without the quotes of an entity tag.
    pub(crate) tag: &'static str,
}

/// The file at `path`, the path of a request's target without its query.
pub(crate) fn page(path: &str) -> Option<Page> {
    let at = PAGES.binary_search_by_key(&path, |(address, _)| address).ok()?;
    Some(PAGES[at].1)
}

/// Which switch of the configuration shows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `pages.enabled`.
    Start,
    /// `demo.enabled`.
    Demo,
    /// Either: what pages of both load.
    Shared,
}

/// The part that a path belongs to, whether or not there is a file.
pub(crate) fn part(path: &str) -> Part {
    match path.split('/').nth(1) {
        Some("demo") => Part::Demo,
        Some("assets" | "favicon.svg" | "licenses.txt") => Part::Shared,
        _ => Part::Start,
    }
}

/// Whether `/` is the page from `web/`, not the plain one, and the demo applications are there.
pub fn full_build() -> bool {
    FULL_BUILD
}

// `FULL_BUILD`, and `PAGES` sorted by address.
include!(concat!(env!("OUT_DIR"), "/pages.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> &'static str {
        let page = page(path).unwrap_or_else(|| panic!("{path} is embedded"));
        std::str::from_utf8(page.body).expect("pages are UTF-8")
    }

    /// The pages that this build has.
    fn shown() -> Vec<&'static str> {
        let html = PAGES.iter().filter(|(_, page)| page.content_type.starts_with("text/html"));
        html.map(|(address, _)| *address).collect()
    }

    #[test]
    fn the_demos_are_shown_with_and_without_a_slash() {
        let names = ["", "/chat", "/monitoring", "/game", "/notifications", "/push-or-poll"];
        for address in names.iter().flat_map(|name| [format!("/demo{name}"), format!("/demo{name}/")]) {
            assert_eq!(page(&address).is_some(), full_build(), "{address}");
            assert_eq!(part(&address), Part::Demo);
        }
        assert_eq!(
            (part("/"), part("/demos"), part("/assets/a.js")),
            (Part::Start, Part::Start, Part::Shared)
        );
    }

    /// The addresses that a page loads by itself, all of them absolute.
    fn loads(html: &str) -> Vec<&str> {
        html.split(['"', '\''])
            .filter(|part| {
                part.starts_with('/') && [".js", ".css", ".svg", ".txt"].iter().any(|end| part.ends_with(end))
            })
            .collect()
    }

    #[test]
    fn every_page_finds_what_it_loads() {
        for address in shown() {
            let html = text(address);
            assert!(html.starts_with("<!doctype html>"), "{address}");
            assert!(loads(html).len() >= 2, "{address} loads a script and a style sheet");
            for loaded in loads(html) {
                assert!(page(loaded).is_some(), "{address} loads {loaded}");
            }
        }
        assert!(page("/nothing").is_none());
        assert!(page("").is_none());
    }

    #[test]
    fn what_is_large_has_a_smaller_copy() {
        for (address, page) in &PAGES {
            let is_packed = page.content_type == "application/gzip";
            assert_eq!(page.gzip.is_some(), page.body.len() >= 512 && !is_packed, "{address}");
            assert!(page.gzip.is_none_or(|gzip| gzip.len() < page.body.len()), "{address}");
        }
    }

    /// The server sends `Content-Security-Policy: default-src 'self'`: a browser would drop all of these.
    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for address in shown() {
            let html = text(address);
            assert!(!html.contains("<style") && !html.contains(" style="), "{address} has an inline style");
            assert!(
                !html.contains("<script>") && !html.contains(" onclick="),
                "{address} has an inline script"
            );
            assert!(
                !html.contains("src=\"http") && !html.contains("href=\"data:"),
                "{address} loads from elsewhere"
            );
        }
    }

    #[test]
    fn hashed_names_are_immutable_and_pages_are_not() {
        for (address, page) in &PAGES {
            assert_eq!(page.immutable, address.starts_with("/assets/"), "{address}");
            assert!(page.tag.len() == 16 && page.tag.bytes().all(|b| b.is_ascii_hexdigit()), "{}", page.tag);
        }
        assert_eq!(full_build(), PAGES.iter().any(|(_, page)| page.immutable));
    }
}
