//! What stands where on a page, what its axes hold, how its curves are told apart, and where its links lead.

use std::collections::BTreeSet;
use std::fs;

use lookahead_report as report;
use lookahead_runs::{Group, Measure, MetricsRow};

use super::assert_balanced;
use super::made::{Made, grid, group, row, with};

/// What stands between two texts, wherever it does.
fn between<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

/// Gives a run a configuration with data and a learning rate.
fn configure(made: &Made, id: &str, data: &str, learning_rate: &str) {
    let config = format!("seed = 7\n[data]\n{data}\n[schedule]\nlearning_rate = {learning_rate}\n");
    made.write(id, "config.toml", config.as_bytes());
}

fn with_losses(losses: &[f64]) -> Vec<MetricsRow> {
    (1..).zip(losses).map(|(epoch, &loss)| with(Measure::ValidLoss, loss, row(epoch, loss, 0.5))).collect()
}

#[test]
fn the_figure_comes_before_the_cards_and_these_before_the_tables() {
    let made = Made::new("", vec![group("", "SGD", None, 1), group("", "Lookahead", Some("SGD"), 1)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.run("Lookahead-0", &[1.0], 0.5);
    made.report();
    let page = made.file("report.html");
    let places = ["Learning curves", "Verdict", "Results", "Paired differences", "How it was run", "Runs"]
        .map(|heading| page.find(&format!("<h2>{heading}</h2>")).unwrap());
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn axes_hold_their_bands_and_are_logarithmic_over_a_decade() {
    // Means 3 and 1 with a far seed; the same after a fall from 60, where the scale is logarithmic.
    for (losses, is_log) in
        [([[3.0, 1.0], [3.5, 1.1], [9.0, 0.9]], false), ([[60.0, 1.0], [90.0, 1.1], [70.0, 0.9]], true)]
    {
        let made = Made::new("", vec![group("", "SGD", None, 3)]);
        for (seed, losses) in losses.iter().enumerate() {
            made.run_of_rows(&format!("SGD-{seed}"), &with_losses(losses));
        }
        made.report();
        let page = made.file("report.html");
        assert_eq!(page.contains("Validation loss (log scale)"), is_log);
        assert!(!page.contains("bands that reach below"));
        let bands = between(&page, "class=\"band\" d=\"M", 'Z');
        let clips = between(&page, "<clipPath id=\"", '/');
        assert_eq!((bands.len(), clips.len()), (3, 3));
        for (band, clip) in bands.iter().zip(clips) {
            let number = |name: &str| between(clip, &format!("{name}=\""), '"')[0].parse::<f64>().unwrap();
            let (top, bottom) = (number(" y"), number(" y") + number("height"));
            for point in band.split('L') {
                let y: f64 = point.split(' ').nth(1).unwrap().parse().unwrap();
                assert!((top..=bottom).contains(&y), "{y} of {top} to {bottom}");
            }
        }
    }
}

#[test]
fn a_band_that_reaches_zero_on_a_log_scale_is_cut_and_said_to_be() {
    let made = Made::new("", vec![group("", "SGD", None, 2)]);
    made.run_of_rows("SGD-0", &with_losses(&[60.0, 0.1]));
    made.run_of_rows("SGD-1", &with_losses(&[60.0, 2.0]));
    made.report();
    assert!(made.file("report.html").contains("Validation loss: bands that reach below "));
}

#[test]
fn top5_of_few_classes_is_not_shown() {
    let few = ["name = \"cifar10\"", "name = \"made\"\nclasses = 19"];
    let many = ["name = \"cifar100\"", "name = \"made\"\nclasses = 20", "name = \"image_folders\""];
    for (data, is_shown) in few.map(|data| (data, false)).into_iter().chain(many.map(|data| (data, true))) {
        let made = Made::new("", vec![group("", "SGD", None, 1)]);
        made.run_of_rows("SGD-0", &[with(Measure::ValidTop5, 0.9, row(1, 1.0, 0.5))]);
        configure(&made, "SGD-0", data, "0.1");
        let summary = made.report();
        assert_eq!(made.file("report.html").contains("Top-5"), is_shown, "{data}");
        assert!(summary.groups[0].scores.get(Measure::ValidTop5).is_some(), "the summary has what was measured");
    }
}

#[test]
fn more_than_five_curves_have_their_names_at_their_ends() {
    for many in [5, 6] {
        let groups: Vec<Group> =
            (0..many).map(|index| group("", &format!("Setting, alpha = 0.{index}"), None, 1)).collect();
        let made = Made::new("", groups.clone());
        groups.iter().for_each(|group| made.run(&group.runs[0], &[1.0, 0.5], 0.5));
        made.report();
        let page = made.file("report.html");
        assert_balanced(&page);
        let names = between(&page, "class=\"end-label\"", '<');
        assert_eq!(names.len(), if many == 5 { 0 } else { 3 * many });
        let heights: BTreeSet<&str> = names.iter().take(many).map(|name| between(name, " y=\"", '"')[0]).collect();
        assert!(many == 5 || (heights.len() == many && names[1].ends_with(">0.1")), "{names:?}");
    }
}

#[test]
fn the_table_of_runs_has_seeds_and_learning_rates() {
    let made = Made::new("", vec![group("", "SGD", None, 2)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.run("SGD-1", &[1.0], 0.5);
    configure(&made, "SGD-0", "name = \"digits\"", "0.0625");
    made.report();
    let page = made.file("report.html");
    let row = |id: &str| page.split("<tr>").find(|row| row.contains(&format!("<code>{id}</code>"))).unwrap();
    assert!(page.contains(">Seed</th>") && page.contains(">Learning rate</th>"));
    assert!(row("SGD-0").contains(">7</td>") && row("SGD-0").contains(">0.0625</td>"), "{}", row("SGD-0"));
    assert_eq!(row("SGD-1").matches(">-</td>").count(), 2, "its configuration names neither");
}

#[test]
fn a_grid_over_learning_rates_is_drawn_with_its_best_point() {
    let made = Made::new("", vec![grid("SGD", &["low", "good", "good, decayed", "high"]), group("", "Adam", None, 1)]);
    for (point, rate, accuracy) in
        [("low", "0.1", 0.5), ("good", "0.3", 0.8), ("good, decayed", "0.3", 0.7), ("high", "1", 0.4)]
    {
        for seed in 0..2 {
            let id = format!("{point}-{seed}");
            made.run(&id, &[1.0], accuracy + 0.02 * f64::from(seed));
            configure(&made, &id, "name = \"digits\"", rate);
        }
    }
    made.edit_result("high-1", |result| result.scores.set(Measure::ValidLoss, f64::NAN));
    made.run("Adam-0", &[1.0], 0.5);
    made.report();
    for text in [made.file("report.html"), made.file("curves.svg")] {
        assert_balanced(&text);
        assert!(text.contains("Final validation loss of each grid"));
        assert_eq!(text.matches("class=\"chosen-point\"").count(), 1);
        assert_eq!(text.matches("class=\"diverged\"").count(), 1);
        let words =
            "SGD: 0.4900 ± 0.0141 at 0.1, 0.1900 ± 0.0141 at 0.3 (chosen), 0.2900 ± 0.0141 at 0.3, not finite at 1.";
        assert!(text.contains(words));
    }
    let page = made.file("report.html");
    assert!(page.contains("learning rate 0.3") && page.contains("the best by the validation accuracy"));

    // One learning rate is no axis.
    for (point, seed) in ["low", "good", "good, decayed", "high"].iter().flat_map(|point| [(point, 0), (point, 1)]) {
        configure(&made, &format!("{point}-{seed}"), "name = \"digits\"", "0.1");
    }
    made.report();
    assert!(!made.file("report.html").contains("Final validation loss of each grid"));
}

#[test]
fn links_lead_from_the_index_to_pages_data_and_back() {
    let made = Made::new("", vec![group("", "SGD", None, 1), group("", "# 1 & only", None, 1)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.run("# 1 & only-0", &[1.0], 0.5);
    made.report();
    report::write_index(&made.dir).unwrap();
    let run = made.dir.join("runs/SGD-0");
    report::write_for_run(&run).unwrap();
    for (folder, expected) in [(made.dir.join("made"), "../index.html"), (run, "../../index.html")] {
        let page = fs::read_to_string(folder.join("report.html")).unwrap();
        let links = between(&page, "href=\"", '"');
        assert!(links.contains(&expected) && links.contains(&"curves.csv"), "{links:?}");
        for link in links {
            let path = link.replace("%23", "#").replace("%20", " ").replace("%26", "&");
            assert!(folder.join(path).exists(), "{link}");
        }
    }
    let page = made.file("report.html");
    assert!(page.contains("href=\"../runs/SGD-0/\"") && page.contains("href=\"../runs/%23%201%20%26%20only-0/\""));
}

#[test]
fn paper_is_light_and_drawings_have_one_type_size() {
    let made = Made::new("", vec![group("", "SGD", None, 1)]);
    made.run("SGD-0", &[1.0], 0.5);
    made.report();
    let page = made.file("report.html");
    assert!(page.contains("@media print"));
    assert_eq!(
        page.matches("prefers-color-scheme").count(),
        page.matches("@media screen and (prefers-color-scheme").count()
    );
    assert_eq!(between(&made.file("curves.svg"), "font-size:", ';'), ["13px"]);
}
