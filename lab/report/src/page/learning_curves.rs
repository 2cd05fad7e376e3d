//! The learning curves of a panel on the page: the legend that hides and shows curves, the plots, and both in words.

use maud::{Markup, html};

use super::super::curves::{PanelPlots, Plot, panel, swatch};
use super::heading;

/// The plots of a panel under their legend.
pub(super) fn learning_curves(panel_plots: &PanelPlots) -> Markup {
    let PanelPlots { plots, rates, .. } = panel_plots;
    let is_wide = plots.iter().any(Plot::is_crowded);
    let curves = plots.first().map_or(&[][..], |plot| plot.curves.as_slice());
    let has_bands =
        curves.iter().flat_map(|curve| &curve.points).any(|point| point.spread.is_some_and(|s| s.std.is_some()));
    html! {
        section {
            (heading(&panel_plots.name, "Learning curves"))
            @if has_bands {
                p.hint { "Lines are means over seeds, bands one standard deviation. Choose a name to hide its curve." }
            }
            div.legend {
                @for (index, curve) in curves.iter().enumerate() {
                    button type="button" aria-pressed="true" data-curve=(index) {
                        (swatch(curve.style)) span { (curve.label) }
                    }
                }
            }
            div.plots.wide-plots[is_wide] {
                @for plot in plots {
                    figure.plot {
                        (panel(plot))
                        div.tip hidden {}
                    }
                }
                @if let Some(rates) = rates {
                    figure.plot { (rates.panel()) div.tip hidden {} }
                }
            }
            @if let Some(rates) = rates { p.hint { (rates.note()) } }
            @for note in plots.iter().flat_map(Plot::notes) { p.hint { (note) } }
            details {
                summary { "The curves in words" }
                @for plot in plots { p { (plot.in_words()) } }
                @if let Some(rates) = rates { p { (rates.in_words()) } }
            }
        }
    }
}
