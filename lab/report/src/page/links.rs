//! Links between the index, the pages, their data, and the folders of runs: all relative, so that a folder can move.

use maud::{Markup, html};

use super::super::{Run, Study};

/// A link: its text and its address.
pub(in super::super) type Link = (String, String);

/// From the page of an artifact to the index over all.
pub(in super::super) fn to_index() -> Link {
    ("All results".to_owned(), "../index.html".to_owned())
}

/// To a file beside the page.
pub(in super::super) fn to_file(name: &str) -> Link {
    (name.to_owned(), encode(name))
}

/// From the page of a study: to the index, where there is one, and to its data.
pub(super) fn of_study(study: &Study, drawn: impl Iterator<Item = &'static str>) -> Vec<Link> {
    let data = |names: &[&str]| names.iter().map(|name| to_file(name)).collect::<Vec<_>>();
    if study.is_single_run() {
        let written = ["config.toml", "metrics.jsonl", "result.json"];
        let there = written.into_iter().filter(|name| study.folder.join(name).is_file());
        let index = study
            .folder
            .join("../../index.html")
            .is_file()
            .then(|| ("All results".to_owned(), "../../index.html".to_owned()));
        let files = ["curves.csv", "curves.svg"].into_iter().chain(there);
        return index.into_iter().chain(files.map(to_file)).collect();
    }
    let of_all = data(&["summary.json", "curves.csv", "curves.svg", "artifact.json"]);
    std::iter::once(to_index()).chain(of_all).chain(drawn.map(to_file)).collect()
}

/// A run's id, with a link to its folder once it has begun.
pub(super) fn to_run(run: &Run, study: &Study) -> Markup {
    let id = html! { code { (run.id) } };
    let has_begun = run.config.is_some() && !study.is_single_run();
    html! { @if has_begun { a href={ "../runs/" (encode(&run.id)) "/" } { (id) } } @else { (id) } }
}

/// Links in a row.
pub(super) fn row(links: &[Link]) -> Markup {
    html! {
        @if !links.is_empty() {
            nav.links aria-label="Results and data" { @for (text, address) in links { a href=(address) { (text) } } }
        }
    }
}

/// A text as part of a URL: every byte that is not plain as `%XX`.
pub(in super::super) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(2 * text.len()), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(byte)),
            _ => {
                let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase();
                url.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
        url
    })
}
