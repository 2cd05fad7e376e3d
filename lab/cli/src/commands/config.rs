//! `lookahead config`

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::ValueEnum;
use lookahead_lab::reference::{Described, Document, Key, documents};
use lookahead_runs::wrapped;
use lookahead_settings::text::short;
use lookahead_settings::{ConfigError, nearest};
use lookahead_training::Error;

use super::say;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only this: a kind of document (run, sweep, or an analysis), a table such as optimizer, or a key such as alpha.
    #[arg(value_name = "WHAT")]
    what: Option<String>,
    /// Print a commented file to start from instead.
    #[arg(long, value_enum, value_name = "WHICH", conflicts_with_all = ["what", "json", "markdown"])]
    example: Option<Example>,
    /// Print JSON instead of text.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown instead of text: CONFIG.md in the repository.
    #[arg(long)]
    markdown: bool,
}

const EXAMPLES: &str = "\
Examples:
  lookahead config                              every key and its default
  lookahead config optimizer                    the tables [optimizer]
  lookahead config warmup_steps                 one key, wherever it is
  lookahead config sweep                        what the file of a sweep has
  lookahead config --example sweep > my.toml    a file to start from,
  lookahead run my.toml                         which this runs
  lookahead config --example train > one.toml   the same of one run,
  lookahead train one.toml                      which this does";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Example {
    /// A sweep: optimizers compared on images.
    Sweep,
    /// One run on images.
    Train,
    /// One run of a language model on text files of your own.
    Text,
    /// One run of a translation model on parallel text of your own.
    Translation,
}

impl Example {
    fn text(self) -> &'static str {
        match self {
            Self::Sweep => include_str!("config/sweep.toml"),
            Self::Train => include_str!("config/train.toml"),
            Self::Text => include_str!("config/text.toml"),
            Self::Translation => include_str!("config/translation.toml"),
        }
    }
}

pub fn config(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(example) = arguments.example {
        return Ok(say(example.text())?);
    }
    let mut documents = documents();
    if let Some(what) = &arguments.what {
        let all = documents;
        documents = only(all.clone(), what);
        if documents.is_empty() {
            return Err(unknown(what, &all).into());
        }
    }
    Ok(say(match (arguments.json, arguments.markdown) {
        (true, _) => serde_json::to_string_pretty(&documents)?,
        (_, true) => markdown(&documents),
        _ => text(&documents),
    })?)
}

/// What has this name.
fn only(mut documents: Vec<Document>, what: &str) -> Vec<Document> {
    if documents.iter().any(|document| document.name == what) {
        documents.retain(|document| document.name == what);
        return documents;
    }
    let what = what.trim_matches(['[', ']']);
    let named = format!("= \"{what}\"");
    let is_table = |table: &Described| {
        table.path == what
            || table.path.starts_with(&format!("{what}."))
            || table.choices.iter().any(|choice| choice.contains(&named))
    };
    let has_table = documents.iter().any(|document| document.tables.iter().any(is_table));
    for document in &mut documents {
        let mut choosing = BTreeSet::new();
        for table in document.tables.iter_mut().filter(|_| !has_table) {
            let is_news = !matches!(what, "name" | "kind") || choosing.insert(table.path.clone());
            let is_it = |key: &Key| key.name == what || format!("{}.{}", table.path, key.name) == what;
            table.keys.retain(|key| is_news && is_it(key));
        }
        document.tables.retain(|table| if has_table { is_table(table) } else { !table.keys.is_empty() });
    }
    documents.retain(|document| !document.tables.is_empty());
    documents
}

/// The error about a name that nothing has.
fn unknown(what: &str, documents: &[Document]) -> Error {
    let tables = || documents.iter().flat_map(|document| &document.tables);
    let keys = tables().flat_map(|table| &table.keys).map(|key| key.name.as_str());
    let names =
        documents.iter().map(|document| document.name).chain(tables().map(|table| table.path.as_str())).chain(keys);
    let (name, nearest) = (short(what).into_owned(), nearest(what, names).map(str::to_owned));
    ConfigError::UnknownTopic { name, nearest }.into()
}

/// The tables of a document with their headings; what all of them have in common stands in the first alone.
fn tables(document: &Document) -> impl Iterator<Item = (String, Vec<&Key>)> {
    let mut said: Vec<(&str, &str)> = vec![];
    document.tables.iter().map(move |table| {
        let choices = table.choices.join(" or ");
        let heading = match (table.header(), choices.as_str()) {
            (header, "") => header,
            (header, choices) => format!("{header} with {choices}"),
        };
        let mut news = Vec::new();
        for key in &table.keys {
            let place = (table.path.as_str(), key.name.as_str());
            if !(matches!(place.1, "name" | "kind") && said.contains(&place)) {
                news.push(key);
            }
            said.push(place);
        }
        (heading, news)
    })
}

/// What stands before the words about a key.
const INDENT: &str = "      ";

fn text(documents: &[Document]) -> String {
    let mut text = String::new();
    for document in documents {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}\n\n", wrapped(&format!("{}: {}", document.name, document.describes), "", ""));
        for (heading, keys) in tables(document) {
            if !heading.is_empty() {
                let _ = writeln!(text, "{}", wrapped(&heading, "", "  "));
            }
            for key in keys {
                let default = match (&key.default, key.required) {
                    (Some(default), _) => format!(" = {default}"),
                    (None, true) => " (required)".to_owned(),
                    (None, false) => String::new(),
                };
                text += &format!("{}\n", wrapped(&format!("{}{default}", key.name), "  ", "    "));
                text += &format!("{}\n", wrapped(&format!("{}. {}", key.accepted, key.about), INDENT, INDENT));
            }
            text += "\n";
        }
    }
    text
}

fn markdown(documents: &[Document]) -> String {
    let mut text =
        "# Every key of every configuration\n\nMade by `lookahead config --markdown` from the code that reads \
                    the keys; a test compares them. A key\nthat is not listed for a table is refused, with the nearest \
                    one that is.\n"
            .to_owned();
    for document in documents {
        let _ = write!(text, "\n## {}\n\n{}\n", document.name, document.describes);
        for (heading, keys) in tables(document) {
            if !heading.is_empty() {
                let _ = write!(text, "\n### {heading}\n");
            }
            text += "\n| key | accepts | default | |\n|---|---|---|---|\n";
            for key in keys {
                let default = match (&key.default, key.required) {
                    (Some(default), _) => format!("`{default}`"),
                    (None, true) => "required".to_owned(),
                    (None, false) => String::new(),
                };
                let _ = writeln!(text, "| `{}` | {} | {default} | {} |", key.name, key.accepted, key.about);
            }
        }
    }
    text
}
