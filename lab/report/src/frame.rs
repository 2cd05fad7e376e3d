//! The frame of a plot: its axes with their marks, and where values lie in it.

use maud::{Markup, html};

use super::axis::{Axis, AxisScale};
use super::drawing::round;

/// Two axes and the pixels between which they lie.
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    /// Both axes and the name of the horizontal one.
    pub(super) fn draw(&self, x_name: &str) -> Markup {
        let Self { left, right, bottom, .. } = *self;
        html! {
            @for &tick in &self.y.ticks {
                @let y = round(self.pixel_y(tick));
                path.grid d={ "M" (left) " " (y) "H" (right) } {}
                text.tick x=(left - 8.0) y=(y) dy="0.34em" text-anchor="end" { (self.y.label(tick)) }
            }
            @for &tick in &self.x.ticks {
                @let x = round(self.pixel_x(tick));
                path.mark d={ "M" (x) " " (bottom) "v5" } {}
                text.tick x=(x) y=(bottom + 19.0) text-anchor="middle" { (self.x.label(tick)) }
            }
            path.frame d={ "M" (left) " " (bottom) "H" (right) } {}
            text.tick x=(round(0.5 * (left + right))) y=(bottom + 38.0) text-anchor="middle" { (x_name) }
        }
    }

    /// What is drawn within it and no farther.
    pub(super) fn clip(&self, id: &str) -> Markup {
        let Self { left, right, top, bottom, .. } = *self;
        html! { clipPath id=(id) { rect x=(left) y=(top - 1.0) width=(right - left) height=(bottom - top + 2.0) {} } }
    }

    pub(super) fn pixel_x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.position(value)
    }

    /// Values far outside stay near the plot, where the clip hides them: a log axis has no place for zero.
    pub(super) fn pixel_y(&self, value: f64) -> f64 {
        let smallest = if self.y.scale == AxisScale::Log { self.y.low * 0.5 } else { f64::MIN };
        self.bottom - (self.bottom - self.top) * self.y.position(value.max(smallest)).clamp(-2.0, 3.0)
    }

    pub(super) fn heights(&self) -> [f64; 2] {
        [self.top, self.bottom]
    }
}

/// The name of a quantity, and whether its axis is logarithmic.
pub(super) fn with_scale(name: &str, scale: AxisScale) -> String {
    format!("{name}{}", if scale == AxisScale::Log { " (log scale)" } else { "" })
}
