//! The report of a computed figure: the line that decides, names on the curves, links, and what comes first.

use std::fs;

use lookahead_report::analysis::{Analysis, Finding, MapPicture, Outcome, PaperFigure, Picture};
use lookahead_report::heat_map::HeatMap;
use lookahead_report::xy::{AxisScale, Level, Stroke, Tone, XyAxis, XyCurve, XyPlot};
use serde_json::{Map, json};

use super::assert_balanced;

/// Ratios that fan out from 1 down, one curve for each alpha, and a line that decides.
fn analysis(curves: u32, level: f64) -> Analysis {
    let curve = |index: u32| XyCurve {
        label: format!("Lookahead, alpha = 0.{index}"),
        tone: Tone::Ramp(0.1 * f64::from(index)),
        stroke: Stroke::Solid,
        points: (1..=50).map(|x| [f64::from(x), (-0.01 * f64::from((index + 1) * x.min(10))).exp()]).collect(),
    };
    let axis = |label: &str| XyAxis { label: label.to_owned(), scale: AxisScale::Log };
    let plot = XyPlot {
        title: "slices".to_owned(),
        x: axis("excess"),
        y: axis("ratio"),
        curves: (0..curves).map(curve).collect(),
        marks: vec![],
        level: Some(Level { at: level, above: "behind", below: "ahead" }),
    };
    let paper = json!({"figure": "Fig. 99", "section": "Sec. 9", "title": "A figure", "shows": "It.", "caption": "So.",
        "axes": {"x": {"label": "x", "scale": "log"}, "y": {"label": "y", "scale": "log"}}, "claim": [], "parameter": []});
    Analysis {
        artifact: "fig99".to_owned(),
        scale: "small".to_owned(),
        command: "lookahead run fig99".to_owned(),
        paper: serde_json::from_value::<PaperFigure>(paper).unwrap(),
        config: json!({}),
        findings: vec![Finding {
            id: "ahead".to_owned(),
            says: "Lookahead is ahead.".to_owned(),
            place: "Sec. 9".to_owned(),
            setting: None,
            verdict: Outcome::Holds,
            holds: true,
            holds_everywhere: true,
            count: 1,
            n: 1,
            evidence: "It is.".to_owned(),
            details: vec![],
        }],
        numbers: Map::new(),
        pictures: vec![Picture {
            file: "figure.svg",
            title: "Fig. 99".to_owned(),
            caption: "So.".to_owned(),
            plots: vec![plot],
        }],
        maps: vec![],
        data: vec![],
        notes: vec![],
        seconds: 1.0,
        environment: Default::default(),
    }
}

fn written(curves: u32, level: f64) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    analysis(curves, level).write(folder.path()).unwrap();
    ["report.html", "figure.svg"].map(|file| fs::read_to_string(folder.path().join(file)).unwrap())
}

#[test]
fn the_line_that_decides_is_on_the_axis_and_named() {
    for text in written(2, 0.9) {
        assert_balanced(&text);
        assert_eq!(text.matches("class=\"level\"").count(), 1);
        assert!(text.contains(">behind</text>") && text.contains(">ahead</text>"));
    }
    // Where no curve comes near it the axis reaches up to it, and its upper side needs no name.
    for text in written(2, 1.5) {
        assert!(text.contains(">1.4</text>") && text.contains(">ahead</text>") && !text.contains(">behind</text>"));
    }
}

#[test]
fn many_curves_bear_their_names() {
    let named = |text: &str| text.matches("text-anchor=\"middle\">0.").count();
    assert!(written(5, 0.5).iter().all(|text| named(text) == 0));
    for text in written(6, 0.5) {
        assert_eq!(named(&text), 6);
        assert!(text.contains(">0.5</text>"));
    }
}

#[test]
fn the_figure_comes_before_the_verdicts_and_the_files_are_linked() {
    let [page, _] = written(2, 1.0);
    assert!(page.find("<h2>The figure</h2>").unwrap() < page.find("whether it holds</h2>").unwrap());
    for link in ["../index.html", "result.json", "figure.svg"] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

/// What is not in the paper is not said to be, and a map is a picture and a table.
#[test]
fn a_figure_of_ours_has_maps_and_says_that_it_is_ours() {
    let folder = tempfile::tempdir().unwrap();
    let mut ours = analysis(2, 0.9);
    ours.paper.ours = true;
    let map = HeatMap {
        title: "k = 5".to_owned(),
        rows: ("eta".to_owned(), vec!["0.5".to_owned(), "0.7".to_owned()]),
        columns: ("mu".to_owned(), vec!["0.9".to_owned()]),
        cells: vec![vec![Some(12.5)], vec![None]],
        floor: 0.0,
    };
    ours.maps = vec![MapPicture { file: "map.svg".to_owned(), caption: "Bright is quick.".to_owned(), map }];
    ours.write(folder.path()).unwrap();
    let read = |file| fs::read_to_string(folder.path().join(file)).unwrap();
    let (page, picture) = (read("report.html"), read("map.svg"));
    assert_balanced(&page);
    assert!(picture.starts_with("<svg") && picture.contains(">12.500</text>") && picture.contains(">diverges</text>"));
    for text in [">12.500</td>", "Bright is quick.", "href=\"map.svg\"", "the statements are ours"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("What the paper says") && !page.contains("In the paper"));
    let of_paper = written(2, 0.9)[0].clone();
    assert!(of_paper.contains("What the paper says") && of_paper.contains("In the paper"));
}
