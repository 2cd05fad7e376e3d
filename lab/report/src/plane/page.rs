//! The plane on the page and as a picture that stands alone, with words for those who do not see it.

use maud::{Markup, PreEscaped, html};

use super::super::Quantity;
use super::super::drawing::{drawing, key as legend, machinery};
use super::super::legend::{LINE_HEIGHT, Legend, PICTURE_CSS, wrapped};
use super::super::significant;
use super::PlaneFigure;
use super::key::samples;
use super::panel::Panel;

const MARGIN: f64 = 20.0;
const TITLE: f64 = 36.0;

impl PlaneFigure {
    /// The part of the page.
    pub(crate) fn section(&self) -> Markup {
        let panel = Panel::new(self);
        html! {
            section {
                h2 { "The accuracy over a plane of weights" }
                p.hint {
                    "The plane goes through the first, the middle and the last fast weights. Dashed: the way of the fast weights; "
                    "solid: of the slow ones"
                    @if let Some(label) = self.label_beside() { "; dotted: that of " (label) ", from the same weights and on the same batches" }
                    ". Point at the map to read its values."
                }
                (legend(&samples(self.label_beside())))
                div.scroll tabindex="0" role="region" aria-label="The plane" {
                    (drawing(&panel.draw(), panel.size(), &panel.spots(), &self.in_words()))
                }
                p.hint { (self.caption()) }
                (self.table())
                details { summary { "The plane in words" } p { (self.in_words()) } }
            }
            (machinery())
        }
    }

    /// The picture.
    pub(crate) fn standalone(&self, title: &str) -> String {
        let panel = Panel::new(self);
        let [map_width, map_height] = panel.size();
        let width = map_width.max(640.0) + 2.0 * MARGIN;
        let legend = Legend::new(samples(self.label_beside()).into_iter(), width - 2.0 * MARGIN);
        let caption = wrapped(&self.caption(), width - 2.0 * MARGIN);
        let top = TITLE + legend.height + 10.0;
        let bottom = top + map_height + 12.0;
        let height = bottom + 10.0 + LINE_HEIGHT * caption.len() as f64;
        let picture = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
                role="img" aria-label={ (title) ". " (self.in_words()) } {
                style { (PreEscaped(PICTURE_CSS)) }
                rect width=(width) height=(height) fill="#ffffff" {}
                text.heading x=(MARGIN) y="27" { (title) }
                g transform={ "translate(" (MARGIN) "," (TITLE) ")" } { (legend.entries) }
                g transform={ "translate(" (MARGIN) "," (top) ")" } { (panel.draw()) }
                @for (index, line) in caption.iter().enumerate() {
                    text.tick x=(MARGIN) y=(bottom + 10.0 + LINE_HEIGHT * index as f64) { (line) }
                }
            }
        };
        picture.into_string()
    }

    fn caption(&self) -> String {
        let surface = &self.surface;
        let batch_norm = match surface.batch_norm.as_str() {
            "" => String::new(),
            source => format!(" Batch-norm statistics: {source}."),
        };
        format!(
            "Test accuracy on {} examples at {} x {} points of the plane, and straight lines between them.{batch_norm} Solid \
             marks lie on the plane, nearer to it than a hundredth of the map's width; of hollow ones the projection is drawn.",
            surface.examples,
            surface.x.len(),
            surface.y.len()
        )
    }

    fn table(&self) -> Markup {
        let percent = |accuracy: f64| Quantity::Accuracy.value(accuracy);
        html! {
            div.wide tabindex="0" role="region" aria-label="Points of the plane" {
                table {
                    thead { tr {
                        th scope="col" { "Weights" }
                        th.number scope="col" { "Accuracy on the plane, %" }
                        th.number scope="col" { "Distance from the plane" }
                    } }
                    tbody {
                        @for (name, point) in self.named() {
                            tr {
                                th scope="row" { (name) }
                                td.number { (percent(self.accuracy_at(point))) }
                                td.number { @if self.is_on_plane(point[2]) { "on it" } @else { (significant(point[2], 3)) } }
                            }
                        }
                        tr { th scope="row" { "best point of the grid" } td.number { (percent(self.best().0)) } td.number { "on it" } }
                    }
                }
            }
        }
    }

    fn label_beside(&self) -> Option<&str> {
        self.surface.beside.as_ref().map(|beside| beside.label.as_str())
    }

    /// The ends of the paths.
    fn named(&self) -> Vec<(String, [f64; 3])> {
        let surface = &self.surface;
        let fast = surface.anchors.map(|anchor| surface.fast[anchor]);
        let names = ["first fast weights", "middle fast weights", "last fast weights"].map(String::from);
        let slow = surface.slow.last().map(|&point| ("last slow weights".to_owned(), point));
        let beside = surface
            .beside
            .as_ref()
            .and_then(|beside| beside.points.last().map(|&point| (format!("last weights of {}", beside.label), point)));
        names.into_iter().zip(fast).chain(slow).chain(beside).collect()
    }

    fn in_words(&self) -> String {
        let percent = |accuracy: f64| Quantity::Accuracy.value(accuracy);
        let place = |x: f64, y: f64| format!("({}, {})", significant(x, 3), significant(y, 3));
        let (best, [x, y]) = self.best();
        let mut text = format!(
            "Test accuracy over the plane through three fast weights: from {} % to {} %, highest at {}.",
            percent(self.lowest()),
            percent(best),
            place(x, y)
        );
        for (name, point) in self.named() {
            text += &format!(
                " The {name} lie at {}, {} % there.",
                place(point[0], point[1]),
                percent(self.accuracy_at(point))
            );
        }
        let beside = self.surface.beside.iter().flat_map(|beside| &beside.points);
        let points: Vec<_> = self.surface.fast.iter().chain(&self.surface.slow).chain(beside).collect();
        let off = points.iter().filter(|point| !self.is_on_plane(point[2])).count();
        text + &format!(" Of {} weights on the paths {off} lie off the plane.", points.len())
    }
}
