//! The index over all artifacts of an output folder.

use std::fs;

use lookahead_report as report;
use lookahead_runs::files::write_sealed;

use super::assert_balanced;
use super::made::{Made, group};

const CLAIM: &str = "source = \"x\"\n[[claim]]\nsays = \"So.\"\ngroup = \"Lookahead\"\nbaseline = \"SGD\"\n\
                     measure = \"train_loss\"\nexpect = \"lower\"\n";

fn made() -> Made {
    let made = Made::new(CLAIM, vec![group("", "SGD", None, 3), group("", "Lookahead", Some("SGD"), 3)]);
    for (id, loss) in [
        ("SGD-0", 0.9),
        ("SGD-1", 0.8),
        ("SGD-2", 0.7),
        ("Lookahead-0", 0.5),
        ("Lookahead-1", 0.41),
        ("Lookahead-2", 0.3),
    ] {
        made.run(id, &[1.0, loss], 0.5);
    }
    made
}

#[test]
fn index_lists_runs_verdicts_and_links_that_exist() {
    let made = made();
    made.report();
    let analysis = made.dir.join("fig99_analysis");
    fs::create_dir(&analysis).unwrap();
    let record = r#"{"artifact": "fig99_analysis", "figure": "Fig. 99", "title": "An analysis", "scale": "small",
        "claims": [{"verdict": "holds_almost_everywhere"}, {"verdict": "does_not_hold"}]}"#;
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    write_sealed(&analysis.join("result.json"), &record).unwrap();
    fs::write(analysis.join("report.html"), "a page").unwrap();
    fs::write(analysis.join("figure.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();

    let path = report::write_index(&made.dir).unwrap();
    assert_eq!(path, made.dir.join("index.html"));
    let page = fs::read_to_string(path).unwrap();
    assert_balanced(&page);
    for text in ["A made artifact", "scale small", "runs: 6", "1 holds", "Fig. 99: An analysis", "1 does not hold"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script src"), "nothing is loaded");
    assert_eq!(page.matches("src=\"data:image/svg+xml,").count(), 2);
    let links: Vec<&str> = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(links.contains(&"made/report.html") && links.contains(&"fig99_analysis/result.json"), "{links:?}");
    for link in links {
        assert!(made.dir.join(link).is_file(), "{link}");
    }
}

#[test]
fn a_broken_artifact_is_listed_with_the_reason() {
    let made = made();
    for (name, text) in [("broken", "{"), ("fig98_broken", "")] {
        fs::create_dir(made.dir.join(name)).unwrap();
        fs::write(made.dir.join(name).join("artifact.json"), text).unwrap();
    }
    let page = fs::read_to_string(report::write_index(&made.dir).unwrap()).unwrap();
    assert_eq!(page.matches("Cannot be read: ").count(), 2);
    assert!(page.contains("broken/artifact.json: it does not end in a checksum") && page.contains("A made artifact"));
}

#[test]
fn an_empty_folder_has_an_empty_index_and_a_missing_one_none() {
    let folder = tempfile::tempdir().unwrap();
    assert!(report::write_index(folder.path()).unwrap().is_file());
    assert!(report::write_index(&folder.path().join("absent")).is_err());
}
