//! Advice with the family: tables that fit a terminal and the page, and sentences that say what the numbers say.

use std::fs;

use lookahead_report::AdviceReport;
use lookahead_theory::family::{FamilyAdvice, Name};
use lookahead_theory::{AdviceGrid, Momentum, Noise, NoisyQuadratic, Spectrum};
use serde_json::Value;

use super::assert_balanced;

fn report(dim: usize, beta: f64, noise: &Noise, steps: u64) -> AdviceReport {
    let problem = NoisyQuadratic::new(Spectrum::Harmonic { dim }.eigenvalues().unwrap(), noise).unwrap();
    let (lr, momentum) = (0.9, Momentum::new(beta).unwrap());
    let grid = AdviceGrid { steps, ..AdviceGrid::default() };
    let advice = lookahead_theory::advise(&problem, lr, momentum, &grid).unwrap();
    let family = lookahead_theory::family::advise(&problem, lr, momentum, &grid).unwrap();
    AdviceReport::new(vec![("learning rate", "0.9".to_owned())], lr, steps, advice, family, "lookahead".to_owned())
}

fn above(family: &FamilyAdvice, name: Name) -> f64 {
    family.tuned.iter().find(|tuned| tuned.name == name).unwrap().above_least
}

#[test]
fn tables_fit_a_terminal_and_the_page_has_their_rows() {
    let report = report(20, 0.9, &Noise::InverseCurvature, 500);
    let folder = tempfile::tempdir().unwrap();
    report.write(folder.path()).unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert_balanced(&page);
    let tables = report.family_tables();
    assert_eq!(tables.iter().map(|table| table.rows.len()).collect::<Vec<_>>(), [9, 7]);
    for table in &tables {
        assert!(page.contains(&table.title) && page.contains(&table.note), "{}", table.title);
        let text = table.text();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        // A row is a line, under a header of three at most.
        assert!(text.lines().count() <= 4 + table.rows.len(), "{text}");
        for row in &table.rows {
            for cell in row {
                assert!(text.contains(cell.as_str()) && page.contains(&format!(">{cell}</t")), "{cell} in\n{text}");
            }
        }
        let losses: Vec<f64> = table.rows.iter().map(|row| row[3].parse().unwrap()).collect();
        assert!(losses.is_sorted(), "{losses:?}");
    }
    assert!(tables[1].title.starts_with("The family at the same final loss"));
    assert!(
        tables[0].rows.iter().any(|row| row[0] == "Lookahead" && row[1].starts_with("k ") && row[1].contains("alpha"))
    );
    let written: Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(written["family"].as_array().unwrap().len(), 9);
    assert_eq!(written["family_left_out"].as_array().unwrap().len(), 0);
    assert_eq!(written["family_at_the_same_final_loss"]["tuned"].as_array().unwrap().len(), 7);
    assert_eq!(written["family_at_the_same_final_loss"]["left_out"][0]["why"], "never_at_rest");
    assert_eq!(written["diverging_outer_steps"][0]["source"], "SNOO");
    // What was there before is still there.
    assert!(written["best"]["loss"].is_f64() && written["inner_tuned"]["lr"].is_f64());
}

#[test]
fn sentences_say_who_comes_first_and_by_how_much() {
    let report = report(20, 0.0, &Noise::InverseCurvature, 500);
    let said = report.conclusions.join("\n");
    let first = report.family.tuned.iter().min_by(|a, b| a.above_least.total_cmp(&b.above_least)).unwrap();
    assert!(matches!(first.name, Name::ScheduleFree | Name::RunningMean), "{first:?}");
    let nearer = 100.0 * (1.0 - first.above_least / above(&report.family, Name::Lookahead));
    let name = if first.name == Name::ScheduleFree { "Schedule-Free" } else { "the mean of all weights" };
    let percent = said.split(&format!("{name} comes first, ")).nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!((percent.parse::<f64>().unwrap() - nearer).abs() < 0.1, "{percent} {nearer}");
    assert!(said.contains("All at the final loss ") && said.contains("a quadratic with plain or heavy-ball SGD"));
    assert!(!said.contains("outer step"), "{said}");
}

/// After one step the best Lookahead is SGD at another learning rate: what rounding makes of it is no gain.
#[test]
fn rounding_is_no_gain() {
    let said = report(20, 0.0, &Noise::InverseCurvature, 1).conclusions.join("\n");
    assert!(said.contains("tuned, it is no nearer to the loss at the optimum"), "{said}");
    assert!(!said.contains("e-1"), "{said}");
    assert!(
        said.contains("After 1 step at learning rate 0.9") && said.contains("after 1 step on this model"),
        "{said}"
    );
}

#[test]
fn an_outer_step_that_diverges_is_warned_of() {
    let report = report(20, 0.9, &Noise::InverseCurvature, 50);
    let warning = report.conclusions.iter().find(|sentence| sentence.contains("DiLoCo")).unwrap();
    assert!(warning.starts_with("Warning: DiLoCo's outer step (Nesterov, eta = 0.7, mu = 0.9) diverges"), "{warning}");
    // Of the list 1, 2, 5, 10, …
    for text in ["k = 1 (stable below eta = 0.00", ", 2 (stable below", ", 5 (stable below eta = 0."] {
        assert!(warning.contains(text), "{text} is not in {warning}");
    }
    assert!(!warning.contains(" 10 (") && warning.ends_with(")."), "{warning}");
}

#[test]
fn what_is_left_out_is_said() {
    let large = report(300, 0.0, &Noise::InverseCurvature, 10);
    assert!(large.family_tables().is_empty());
    assert!(large.conclusions.iter().any(|sentence| sentence.contains("too long")));
    let long = report(5, 0.0, &Noise::InverseCurvature, 1_000_000_000);
    assert!(long.family_tables()[0].note.contains("mean of all weights, Schedule-Free (would take too long)"));
    let noiseless = report(5, 0.0, &Noise::Constant(0.0), 20);
    assert_eq!(noiseless.family_tables().len(), 1);
    assert!(!noiseless.conclusions.join(" ").contains("All at the final loss"));
}
