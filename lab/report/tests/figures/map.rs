//! The map of Fig. 1 in the report.

use lookahead_report as report;
use lookahead_report::ReportError;
use lookahead_runs::files::write_sealed;
use lookahead_runs::{PathBeside, Surface};
use serde_json::{Value, json};

use super::made::{Output, assert_balanced};

/// A hill of accuracy, a path of five fast weights over it, two of them off the plane.
fn surface() -> Surface {
    let x: Vec<f64> = (0..9).map(|index| f64::from(index) / 2.0 - 1.0).collect();
    let y: Vec<f64> = (0..7).map(|index| f64::from(index) / 2.0 - 1.0).collect();
    let hill = |x: f64, y: f64| 0.9 - 0.03 * (x - 2.0).powi(2) - 0.05 * (y - 0.5).powi(2);
    Surface {
        accuracy: y.iter().map(|&y| x.iter().map(|&x| hill(x, y)).collect()).collect(),
        x,
        y,
        fast: vec![[0.0, 0.0, 0.0], [0.5, 1.0, 0.4], [1.0, 1.5, 0.0], [2.0, 1.0, 0.3], [2.5, 0.0, 0.0]],
        fast_updates: vec![0, 1, 2, 3, 4],
        slow: vec![[0.0, 0.0, 0.0], [1.25, 0.0, 1e-7]],
        slow_updates: vec![0, 4],
        anchors: [0, 2, 4],
        beside: None,
        examples: 500,
        batch_norm: "re-estimated on 1000 training images".to_owned(),
        question: String::new(),
    }
}

fn report_of(surface: &Value) -> (Output, Result<(), ReportError>) {
    let output = Output::new("plane", 1);
    write_sealed(&output.folder().join("plane.json"), surface).unwrap();
    let done = report::write(output.dir.path(), "figure").map(|_| ());
    (output, done)
}

#[test]
fn the_map_shows_both_paths_and_what_is_off_the_plane() {
    let (output, done) = report_of(&json!(surface()));
    done.unwrap();
    let (page, picture) = (output.read("report.html"), output.read("figure.svg"));
    assert_balanced(&page);
    assert_balanced(&picture);
    assert!(!picture.contains("var(--"), "a picture that stands alone has fixed colours");
    for text in ["500 examples", "9 x 7 points", "re-estimated on 1000 training images", "2 lie off the plane"] {
        assert!(page.contains(text), "{text}");
    }
    // Five fast weights, two of them hollow; the legend has three discs, one of them hollow.
    let hollow_discs = picture.matches("r=\"3.8\" fill=\"#fffdf5\"").count();
    assert_eq!((picture.matches("r=\"3.8\"").count(), hollow_discs), (5 + 3, 2 + 1));
    for name in [">first<", ">middle<", ">last<", "accuracy, %"] {
        assert!(picture.contains(name), "{name}");
    }
    // The accuracy at the best point of the grid, (2, 0.5), and at the last slow weights: 0.9 - 0.03 (0.75)^2 - 0.05 / 4,
    // which straight lines between the points of the grid miss by less than 0.003.
    assert!(page.contains("highest at (2, 0.5)"));
    assert!(page.contains("90.00"));
    assert!(page.contains("data-spots"));
    assert!(page.contains("slow weights, update 4"));
}

#[test]
fn a_path_beside_is_drawn_and_told_of() {
    let points = vec![[0.0, 0.0, 0.0], [0.5, 1.0, 0.4], [1.5, 2.0, 0.6]];
    let beside = PathBeside { label: "SGD <alone>".to_owned(), points, updates: vec![0, 1, 2] };
    let (output, done) = report_of(&json!(Surface { beside: Some(beside), ..surface() }));
    done.unwrap();
    let (page, picture) = (output.read("report.html"), output.read("figure.svg"));
    assert_balanced(&page);
    assert_balanced(&picture);
    // Three squares and that of the legend, two of them off the plane.
    assert_eq!(picture.matches("m-3.2 -3.2h6.4").count(), 3 + 1);
    for text in
        ["last weights of SGD &lt;alone&gt;", "Of 10 weights on the paths 4 lie off the plane", "the same batches"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("SGD &lt;alone&gt;, update 2"));
}

#[test]
fn lists_that_do_not_fit_each_other_are_refused() {
    let beside = |points: Value, updates: Value| json!({ "label": "SGD", "points": points, "updates": updates });
    let cases: [(&str, Value, &str); 8] = [
        ("beside", beside(json!([[0.0, 0.0, 0.0]]), json!([])), "the points beside must be as many"),
        ("beside", beside(json!([[0.0, null, 0.0]]), json!([0])), "invalid type: null"),
        ("x", json!([0.0, 1.0, 1.0]), "x and y must be"),
        ("accuracy", json!([[0.5], [0.5]]), "accuracy must be a list for each y"),
        ("fast", json!([[0.0, 0.0, 0.0]]), "as long as"),
        ("slow_updates", json!([]), "as long as"),
        ("anchors", json!([0, 2, 5]), "anchors must be places in fast"),
        ("examples", json!("many"), "expected u32"),
    ];
    for (key, value, reason) in cases {
        let mut changed = json!(surface());
        changed[key] = value;
        let (output, done) = report_of(&changed);
        let error = done.unwrap_err().to_string();
        let file = output.folder().join("plane.json");
        assert!(error.starts_with(&file.display().to_string()) && error.contains(reason), "{key}: {error}");
    }
    let mut high = surface();
    high.accuracy[1][1] = 1.5;
    assert!(report_of(&json!(high)).1.unwrap_err().to_string().contains("numbers from 0 to 1"));
}

#[test]
fn without_a_surface_there_is_a_page_without_a_map() {
    let output = Output::new("plane", 1);
    report::write(output.dir.path(), "figure").unwrap();
    assert!(!output.read("report.html").contains("data-spots"));
    assert!(!output.folder().join("figure.svg").exists());
}

/// What has been drawn was there: without its data there is no report that leaves the picture out.
#[test]
fn a_lost_map_is_an_error_and_its_picture_stays() {
    let (output, done) = report_of(&json!(surface()));
    done.unwrap();
    std::fs::remove_file(output.folder().join("plane.json")).unwrap();
    let error = report::write(output.dir.path(), "figure").unwrap_err().to_string();
    assert!(error.contains("plane.json"), "{error}");
    assert!(output.folder().join("figure.svg").is_file());
}
