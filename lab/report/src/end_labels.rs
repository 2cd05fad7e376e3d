//! Names at the right ends of curves, in a plot of more curves than a legend tells apart.

use maud::{Markup, html};

use super::drawing::round;

/// More curves than these have their names at their ends.
pub(super) const CROWD: usize = 5;

/// From one name to the next.
const LINE: f64 = 15.0;
/// From the end of the axis to a name.
const LEADER: f64 = 16.0;
/// SVG cannot measure text: a generous guess at the pixels of a character.
pub(super) const CHARACTER: f64 = 7.2;
/// Longer names are cut: the legend has them in full.
const MOST_CHARACTERS: usize = 18;

/// The names of a plot's curves, as its right margin holds them.
pub(super) struct EndLabels(Vec<String>);

impl EndLabels {
    /// Those of a plot with these curves; none of a plot with few.
    pub(super) fn of<'a>(labels: impl ExactSizeIterator<Item = &'a str>) -> Self {
        if labels.len() <= CROWD {
            return Self(Vec::new());
        }
        Self(shortened(&labels.collect::<Vec<_>>()).iter().map(|label| cut(label)).collect())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The margin that they take, in pixels; 0 without any.
    pub(super) fn width(&self) -> f64 {
        let longest = self.0.iter().map(|name| name.chars().count()).max();
        longest.map_or(0.0, |longest| LEADER + CHARACTER * longest as f64)
    }

    /// The names of curves that end at these points, in a margin that begins at `x`: each beside its end, or as near to
    /// it as the others leave room for, with a line between the two. Nothing for a curve without an end.
    pub(super) fn draw(&self, ends: &[Option<[f64; 2]>], x: f64, [top, bottom]: [f64; 2]) -> Vec<Markup> {
        let heights: Vec<f64> = ends.iter().flatten().map(|end| end[1].clamp(top, bottom)).collect();
        let mut places = apart(&heights, top, bottom).into_iter();
        let label = |(name, end): (&String, &Option<[f64; 2]>)| {
            let placed = end.and_then(|[end_x, end_y]| Some((end_x, end_y.clamp(top, bottom), places.next()?)));
            html! {
                @if let Some((end_x, end_y, y)) = placed {
                    @let [start, turn, end, y] = [end_x, x.max(end_x), x + LEADER - 3.0, y].map(round);
                    path.leader fill="none" stroke="currentColor"
                        d={ "M" (start) " " (round(end_y)) "H" (turn) "L" (end) " " (y) } {}
                    text.end-label x=(round(x + LEADER)) y=(y) dy="0.34em" { (name) }
                }
            }
        };
        self.0.iter().zip(ends).map(label).collect()
    }
}

/// Drops what several names begin with, up to a comma or an equals sign, if all still differ then.
pub(super) fn shortened<'a>(labels: &[&'a str]) -> Vec<&'a str> {
    let own = |label: &&'a str| {
        let ends = |mark: &'static str| label.rmatch_indices(mark).map(move |(at, mark)| at + mark.len());
        let mut shared: Vec<usize> = ends(", ").chain(ends(" = ")).collect();
        shared.sort_unstable_by(|a, b| b.cmp(a));
        let mut shared = shared
            .into_iter()
            .filter(|&end| labels.iter().filter(|other| other.starts_with(&label[..end])).count() > 1);
        shared.next().map_or(*label, |end| &label[end..])
    };
    let short: Vec<&str> = labels.iter().map(own).collect();
    let is_told_apart = |label: &&str| short.iter().filter(|other| *other == label).count() == 1;
    if short.iter().all(is_told_apart) { short } else { labels.to_vec() }
}

fn cut(label: &str) -> String {
    match label.char_indices().nth(MOST_CHARACTERS) {
        Some(_) => label.chars().take(MOST_CHARACTERS - 1).chain(['…']).collect(),
        None => label.to_owned(),
    }
}

/// Heights at least a line apart, between the ends, and the nearest to those that are wanted, by the sum of squares.
fn apart(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let many = wanted.len();
    let line = LINE.min((bottom - top) / many.saturating_sub(1).max(1) as f64);
    let mut order: Vec<usize> = (0..many).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // Without the lines between them, heights that may be equal but not fall: names that touch share their mean.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let mut block = (wanted[index] - line * rank as f64, 1);
        while let Some(&(mean, count)) = blocks.last().filter(|last| last.0 > block.0) {
            block = ((mean * count as f64 + block.0 * block.1 as f64) / (count + block.1) as f64, count + block.1);
            blocks.pop();
        }
        blocks.push(block);
    }
    let last = bottom - line * many.saturating_sub(1) as f64;
    let free = blocks.iter().flat_map(|&(mean, count)| std::iter::repeat_n(mean.min(last).max(top), count));
    let mut heights = vec![0.0; many];
    for (rank, (index, height)) in order.into_iter().zip(free).enumerate() {
        heights[index] = height + line * rank as f64;
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_tells_them_apart() {
        let labels = ["SGD", "Lookahead, alpha = 0.1", "Lookahead, alpha = 0.2"];
        assert_eq!(shortened(&labels), ["SGD", "0.1", "0.2"]);
        let labels = ["k = 5, α = 0.5", "k = 5, α = 0.8", "k = 10, α = 0.5", "k = 10, α = 0.8"];
        assert_eq!(shortened(&labels), labels, "the same alpha comes twice");
        assert_eq!(cut("Lookahead (Adam, no warm-up)"), "Lookahead (Adam, …");
    }

    #[test]
    fn heights_are_a_line_apart_and_near_what_is_wanted() {
        assert_eq!(apart(&[100.0, 20.0], 0.0, 200.0), [100.0, 20.0]);
        assert_eq!(apart(&[50.0, 50.0], 0.0, 200.0), [42.5, 57.5]);
        assert_eq!(apart(&[200.0, 200.0, 0.0], 0.0, 200.0), [185.0, 200.0, 0.0]);
        assert_eq!(apart(&[3.0, 3.0, 3.0], 0.0, 20.0), [0.0, 10.0, 20.0], "closer where there is no room");
        assert!(apart(&[], 0.0, 20.0).is_empty());
    }
}
