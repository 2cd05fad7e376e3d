//! Names on the curves, in a plot of more curves than a legend tells apart: each where its curve runs most alone.

use super::super::end_labels::{CHARACTER, CROWD, shortened};

/// From the middle of a name to its upper or lower edge, and to those of the space around it.
const HALF_HEIGHT: f64 = 6.0;
const HALF_LINE: f64 = 8.0;
/// Curves farther away than this many pixels do not disturb.
const ALONE: f64 = 30.0;
/// So many points of a curve are tried.
const TRIED: usize = 80;

/// A name and the middle of its place.
pub(super) struct Label<'a> {
    pub(super) name: &'a str,
    pub(super) at: [f64; 2],
}

/// Names for curves that run through these pixels, between `left` and `right`; `None` for a curve that nowhere runs alone,
/// and for all curves where there are few.
pub(super) fn labels<'a>(
    names: &[&'a str],
    curves: &[Vec<[f64; 2]>],
    [left, right]: [f64; 2],
) -> Vec<Option<Label<'a>>> {
    if names.len() <= CROWD {
        return names.iter().map(|_| None).collect();
    }
    let mut placed: Vec<([f64; 2], f64)> = Vec::new();
    let label = |(index, name): (usize, &'a str)| {
        let half = 0.5 * CHARACTER * name.chars().count() as f64 + 2.0;
        let others = || curves.iter().enumerate().filter(|(other, _)| *other != index).flat_map(|(_, points)| points);
        let room = |[x, y]: [f64; 2]| {
            // What is as far away to the side as the name is long disturbs as little as what is a line above it.
            let distance = |&[other_x, other_y]: &[f64; 2]| ((other_x - x).abs() - half).max(0.0).hypot(other_y - y);
            others().map(distance).fold(ALONE, f64::min)
        };
        let is_free = |&[x, y]: &[f64; 2]| {
            let overlaps = |&([other_x, other_y], other): &([f64; 2], f64)| {
                (x - other_x).abs() < half + other && (y - other_y).abs() < 2.0 * HALF_LINE
            };
            x - half > left && x + half < right && !placed.iter().any(overlaps)
        };
        let points = curves[index].iter().copied().step_by(curves[index].len().div_ceil(TRIED).max(1));
        let tried = points.filter(is_free).map(|at| (at, room(at)));
        let (at, _) = tried.filter(|(_, room)| *room >= HALF_HEIGHT).max_by(|a, b| a.1.total_cmp(&b.1))?;
        placed.push((at, half));
        Some(Label { name, at })
    };
    shortened(names).into_iter().enumerate().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_where_its_curve_runs_alone() {
        // Curves from one point that fan out to the right.
        let curve = |slope: f64| (0..=200).map(|x| [f64::from(x), 100.0 + slope * f64::from(x)]).collect::<Vec<_>>();
        let mut curves: Vec<_> = (0..6).map(|index| curve(0.2 * f64::from(index))).collect();
        let names = ["a", "b", "c", "d", "e", "f"];
        let found = labels(&names, &curves, [0.0, 200.0]);
        assert!(found.iter().flatten().all(|label| label.at[0] > 100.0));
        assert_eq!(found.iter().flatten().count(), 6);
        // Two that are the same have no place of their own.
        curves[1] = curves[0].clone();
        let found = labels(&names, &curves, [0.0, 200.0]);
        assert!(found[0].is_none() && found[1].is_none() && found[2].is_some());
        assert!(labels(&names[..5], &curves[..5], [0.0, 200.0]).iter().all(Option::is_none), "few need none");
    }
}
